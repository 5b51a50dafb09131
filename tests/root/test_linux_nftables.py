"""nft texts in a namespace of their own, by the library and by the command."""

import errno
import os
from collections.abc import Iterator

import pytest

from scow.linux import nftables
from scow.linux.namespaces import create_netns, enter_netns
from scow.linux.nftables import Nftables, NftablesError

pytestmark = [pytest.mark.root, pytest.mark.needs("nft")]

MAP = "add table ip t; add map ip t m { type inet_proto . inet_service : ipv4_addr . inet_service; }\n"
ELEMENT = "{ tcp . 80 : 10.0.0.2 . 8080 }"


@pytest.fixture(params=["library", "command"])
def nft(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nftables]:
    if request.param == "command":
        monkeypatch.setattr(nftables, "_load", lambda: None)
    elif nftables._load() is None:
        pytest.skip("libnftables is not installed")
    fd = create_netns()
    try:
        with enter_netns(fd):
            nft = Nftables()
            yield nft
            nft.close()
    finally:
        os.close(fd)


def test_a_text_is_carried_out_and_its_output_returned(nft: Nftables) -> None:
    nft.run(MAP + f"add element ip t m {ELEMENT}\n")
    assert "tcp . 80 : 10.0.0.2 . 8080" in nft.run("list map ip t m\n")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("add element ip t m { tcp . 80 : 10.0.0.3 . 8080 }", errno.EEXIST),
        ("delete element ip t m { tcp . 81 }", errno.ENOENT),
        ("add element ip nosuch m { tcp . 81 : 10.0.0.2 . 80 }", errno.ENOENT),
        ("nonsense", errno.EINVAL),
    ],
)
def test_a_refusal_has_an_errno(nft: Nftables, text: str, code: int) -> None:
    nft.run(MAP + f"add element ip t m {ELEMENT}\n")
    with pytest.raises(NftablesError) as caught:
        nft.run(text + "\n")
    assert caught.value.errno == code


def test_a_text_takes_effect_whole_or_not_at_all(nft: Nftables) -> None:
    nft.run(MAP)
    with pytest.raises(NftablesError):
        nft.run(f"add element ip t m {ELEMENT}\ndelete element ip t m {{ tcp . 81 }}\n")
    assert "elements" not in nft.run("list map ip t m\n")


def test_a_text_larger_than_a_pipe_is_no_trouble(nft: Nftables) -> None:
    elements = ", ".join(f"tcp . {port} : 10.0.0.2 . {port}" for port in range(1, 4001))
    nft.run(MAP + f"add element ip t m {{ {elements} }}\n")
    assert nft.run("list map ip t m\n").count("10.0.0.2") == 4000


def test_without_library_and_command_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nftables, "_load", lambda: None)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(NftablesError, match="neither libnftables"):
        Nftables().run("list tables\n")


def test_a_text_that_is_seldom_run_does_not_load_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nftables, "_load", lambda: pytest.fail("the library is loaded"))
    fd = create_netns()
    try:
        with enter_netns(fd):
            nft = Nftables()
            nft.run(MAP, seldom=True)
            assert "table ip t" in nft.run("list tables\n", seldom=True)
            with pytest.raises(NftablesError):
                nft.run("nonsense\n", seldom=True)
            nft.close()
    finally:
        os.close(fd)
