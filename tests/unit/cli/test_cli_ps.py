"""The columns of ``ps`` and the text of ports."""

import time
from typing import Any

import pytest

from scow.cli.commands.container.ls import container_row
from scow.cli.listing import filter_query, natural_key
from scow.cli.port_text import port_text

_SUMMARY: dict[str, Any] = {
    "Id": "0123456789abcdef" * 4,
    "Names": ["/other/alias", "/web"],
    "Image": "busybox@sha256:" + "a" * 64,
    "ImageID": "sha256:" + "b" * 64,
    "Command": 'sh -c "echo a very long command"',
    "Created": 0,
    "State": "running",
    "Status": "Up 2 minutes",
    "SizeRw": 5,
    "SizeRootFs": 1_234_567,
    "Labels": {"b": "2", "a": "1"},
    "Mounts": [{"Name": "c" * 64, "Driver": "local"}, {"Source": "/very/long/source/path"}],
    "NetworkSettings": {"Networks": {"bridge": {}}},
}


def _port(private: int, public: int = 0, address: str = "", kind: str = "tcp") -> dict[str, Any]:
    port: dict[str, Any] = {"PrivatePort": private, "Type": kind}
    if public:
        port |= {"PublicPort": public, "IP": address}
    return port


@pytest.mark.parametrize(
    ("ports", "text"),
    [
        ([], ""),
        ([_port(80)], "80/tcp"),
        ([_port(81), _port(80), _port(83)], "80-81/tcp, 83/tcp"),
        ([_port(80, 80, "0.0.0.0"), _port(81, 81, "0.0.0.0")], "0.0.0.0:80-81->80-81/tcp"),
        ([_port(80, 8080, "::"), _port(53, kind="udp")], "53/udp, [::]:8080->80/tcp"),
        ([_port(80, 80, "0.0.0.0"), _port(80, 80, "::")], "0.0.0.0:80->80/tcp, [::]:80->80/tcp"),
    ],
)
def test_ports_are_joined(ports: list[dict[str, Any]], text: str) -> None:
    assert port_text(ports) == text


def test_a_row_is_shortened_unless_told_not_to() -> None:
    row = container_row(_SUMMARY, truncate=True)
    found = {
        name: row.column(name) for name in ("ID", "Names", "Image", "Command", "Mounts", "Size", "Labels")
    }
    assert found == {
        "ID": "0123456789ab",
        "Names": "web",
        "Image": "busybox",
        "Command": '"sh -c \\"echo a very …"',
        "Mounts": "cccccccccccccc…,/very/long/sou…",
        "Size": "5B (virtual 1.23MB)",
        "Labels": "a=1,b=2",
    }
    whole = container_row(_SUMMARY, truncate=False)
    assert whole.column("Names") == "other/alias,web"
    assert whole.column("Image") == _SUMMARY["Image"]
    assert whole.column("ID") == _SUMMARY["Id"]


def test_a_row_says_how_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 7200.0)
    assert container_row(_SUMMARY, truncate=True).column("RunningFor") == "2 hours ago"


def test_filters_are_sent_as_maps() -> None:
    assert filter_query({"label": ["a", "b=ü"]}) == [("filters", '{"label":{"a":true,"b=ü":true}}')]
    assert filter_query({}) == []


def test_names_are_sorted_as_people_do() -> None:
    assert sorted(["net10", "net2", "a", "10", "9"], key=natural_key) == ["9", "10", "a", "net2", "net10"]
