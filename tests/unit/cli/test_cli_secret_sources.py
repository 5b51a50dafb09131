"""``--secret`` and other options of buildx: what they mean, and what is wrong with them."""

from pathlib import Path

import pytest

from scow.cli.exits import CommandError
from scow.cli.main import main
from scow.cli.options.secret_sources import parse_secret

ENVIRON = {"TOKEN": "x"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("id=a,src=b", ("a", "b", "")),
        ("source=dir/b", ("b", "dir/b", "")),
        ("id=a,env=B", ("a", "", "B")),
        ("type=env,id=a,src=B", ("a", "", "B")),
        ("id=TOKEN", ("TOKEN", "", "TOKEN")),
        ("id=TOKEN,type=file", ("TOKEN", "TOKEN", "")),
        ("id=other", ("other", "other", "")),
        ("ID=a,Src=b", ("a", "b", "")),
        ('"id=a","src=b,c"', ("a", "b,c", "")),
    ],
)
def test_where_a_secret_is(text: str, found: tuple[str, str, str]) -> None:
    source = parse_secret(text, ENVIRON)
    assert (source.name, source.path, source.variable) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id", "invalid field 'id' must be a key=value pair"),
        ("id=a,foo=b", "unexpected key 'foo' in 'foo=b'"),
        ("id=a,type=foo", 'unsupported secret type "foo"'),
        ("src=", "secret: id is required"),
    ],
)
def test_secrets_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_secret(text, ENVIRON)
    assert caught.value.message == f"ERROR: {message}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["bake", "--print", "--list=targets"], "--print and --list are mutually exclusive"),
        (["bake", "--print", "--var", "x"], 'invalid variable "x", expected key=value'),
        (["bake", "--print", "--var", "=x"], 'invalid variable "=x", key is empty'),
        (["create", "--driver-opt", "foo"], 'invalid value "foo", expecting k=v'),
    ],
)
def test_values_that_cannot_be(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "docker-bake.hcl").write_text('target "default" {}\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert main("scow", ["buildx", *words]) == 1
    assert capfd.readouterr().err.endswith(f"ERROR: {message}\n")
