"""Templates against what docker 28.2.2 printed: its output, its complaint and its exit code for each.

templates/json.json       plain JSON: ``docker inspect`` on an object that it has no type for
templates/container.json  ``docker inspect`` on a container: Docker's types first, then plain JSON
templates/volumes.json    ``docker volume ls --format``
"""

import json
from pathlib import Path
from typing import Any

import pytest

from scow.cli.inspect_types import inspect_value
from scow.cli.table import render_rows
from scow.cli.templates.errors import TemplateError, TemplateSyntaxError
from scow.cli.templates.template import compile_format, render, render_inspect
from scow.cli.templates.values import Adapter

_CASES = Path(__file__).parent / "templates"


def _load(name: str) -> Any:
    return json.loads((_CASES / name).read_text(encoding="utf-8"))


_JSON = _load("json.json")
_CONTAINER = _load("container.json")
_VOLUMES = _load("volumes.json")


def _inspect(template: str, data: Any, *, typed: bool) -> dict[str, object]:
    try:
        if typed:
            shown = render_inspect(compile_format(template), inspect_value("container", data), data)
        else:
            shown = render(template, data, missing_key_fails=True)
    except TemplateSyntaxError as exc:
        return {"exit": 64, "stdout": "", "stderr": str(exc)}
    except TemplateError as exc:
        return {"exit": 1, "stdout": "\n", "stderr": str(exc)}
    return {"exit": 0, "stdout": shown + "\n", "stderr": ""}


@pytest.mark.parametrize("case", _JSON["cases"], ids=lambda case: case["template"])
def test_plain_json_prints_as_in_docker(case: dict[str, Any]) -> None:
    assert {"template": case["template"], **_inspect(case["template"], _JSON["data"], typed=False)} == case


@pytest.mark.parametrize("case", _CONTAINER["cases"], ids=lambda case: case["template"])
def test_an_inspected_container_prints_as_in_docker(case: dict[str, Any]) -> None:
    assert {
        "template": case["template"],
        **_inspect(case["template"], _CONTAINER["data"], typed=True),
    } == case


_HEADERS = {
    "Name": "VOLUME NAME",
    "Driver": "DRIVER",
    "Scope": "SCOPE",
    "Mountpoint": "MOUNTPOINT",
}


def _volume(name: str, driver: str, mountpoint: str, scope: str, labels: dict[str, str]) -> Adapter:
    columns = {
        **dict.fromkeys(("Availability", "Group", "Links", "Size", "Status"), "N/A"),
        "Name": name,
        "Driver": driver,
        "Mountpoint": mountpoint,
        "Scope": scope,
        "Labels": lambda: ",".join(f"{key}={value}" for key, value in labels.items()),
    }
    return Adapter("*formatter.volumeContext", columns, {"Label": lambda key: labels.get(key, "")})


@pytest.mark.parametrize("case", _VOLUMES, ids=lambda case: case["template"])
def test_a_listing_prints_as_in_docker(case: dict[str, Any]) -> None:
    rows = [
        _volume(
            "data",
            "local",
            "/var/lib/docker/volumes/data/_data",
            "local",
            {"com.ex.my-label": "v<1>", "a": "b"},
        ),
        _volume("日本語", "local-persist", "/m", "global", {}),
    ]
    try:
        shown, complaint, status = render_rows(case["template"], rows, _HEADERS), "", 0
    except TemplateError as exc:
        shown, complaint, status = "", str(exc), 1
    assert {"template": case["template"], "exit": status, "stdout": shown, "stderr": complaint} == case
