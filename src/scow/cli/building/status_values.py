"""What happens in a build as BuildKit's clients write it as JSON (``client.SolveStatus``)."""

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Event = dict[str, Any]

_NS = 1_000_000_000


def solve_status(kind: str, event: "Event") -> "Event":
    """One of vertexes, statuses, logs and warnings, with one entry."""
    if kind == "vertex":
        return {"vertexes": [_vertex(event)]}
    if kind == "transfer":
        return {"statuses": [_transfer(event)]}
    if kind == "output":
        return {"logs": [_output(event)]}
    return {"warnings": [vertex_warning(event)]}


def vertex_warning(event: "Event") -> "Event":
    """As ``--metadata-file`` has it, too. Texts are base64, as Go writes bytes."""
    place = event.get("place")
    found = {
        "vertex": event.get("digest", ""),
        "level": event.get("level", 1),
        "short": _base64(event["short"]),
        "detail": [_base64(event["detail"])] if event.get("detail") else [],
        "url": event.get("url", ""),
    }
    if place:
        found["sourceInfo"] = {"filename": place["file_name"], "data": place["text"]}
        ends = {name: {"line": place[f"{key}_line"]} for name, key in (("start", "first"), ("end", "last"))}
        found["range"] = [ends]
    return _filled(found)


def _vertex(event: "Event") -> "Event":
    return _filled(
        {
            "digest": event["digest"],
            "inputs": list(event.get("inputs") or ()),
            "name": event["name"],
            "started": _moment(event.get("started_ns")),
            "completed": _moment(event.get("completed_ns")),
            "cached": event.get("cached", False),
            "error": event.get("error", ""),
        }
    )


def _transfer(event: "Event") -> "Event":
    found = {
        "vertex": event["digest"],
        "total": event.get("total", 0),
        "timestamp": _moment(event["at_ns"]),
        "started": _moment(event.get("started_ns")),
        "completed": _moment(event.get("completed_ns")),
    }
    return {"id": event["id"], "current": event.get("current", 0), **_filled(found)}


def _output(event: "Event") -> "Event":
    found = {"vertex": event["digest"], "stream": event.get("stream", 0)}
    return {**_filled(found), "data": event["data"], "timestamp": _moment(event["at_ns"])}


def _filled(found: "Event") -> "Event":
    return {key: value for key, value in found.items() if value}


def _moment(at_ns: int | None) -> str:
    """RFC 3339 with what there is of the second."""
    if not at_ns:
        return ""
    fraction = f".{at_ns % _NS:09d}".rstrip("0").rstrip(".")
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_ns // _NS)) + f"{fraction}Z"


def _base64(text: str) -> str:
    import base64

    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
