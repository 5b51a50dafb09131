"""What ``--call`` prints: an answer about a Dockerfile, in place of an image. As docker buildx does it."""

from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.building.calls import Call
    from scow.cli.output import Output

    Answer = dict[str, Any]


def print_answer(out: "Output", call: "Call", answer: "Answer") -> int:
    """The exit code. ``answer`` has the parts that BuildKit's front end gives.

    Raises CommandError for a mistake that ended a check.
    """
    if call.written_as == "json":
        out.write(f"{answer['result.json']}\n")
    elif call.name == "check":
        _print_checked(out, answer)
    else:
        out.write(answer["result.txt"])
    if call.name == "check":
        _raise_mistake(out, answer, as_text=call.written_as != "json")
    return 0 if call.ignores_status else int(answer.get("result.statuscode", "0"))


def told_warnings(warnings: "list[Answer]") -> list[str]:
    """What a build warned of, as lines for people; none if that is nothing."""
    if not warnings:
        return []
    count = f"{len(warnings)} warning{'s' if len(warnings) > 1 else ''}"
    return ["", f" {count} found (use --check to see details):", *(f" - {it['short']}" for it in warnings)]


def _print_checked(out: "Output", answer: "Answer") -> None:
    import json

    found = json.loads(answer["result.json"])
    count = len(found["warnings"] or ())
    if count:
        out.line(f"Check complete, {count} warning{'s have' if count > 1 else ' has'} been found!")
        out.write(answer["result.txt"])
    elif "buildError" not in found:
        out.line("Check complete, no warnings found.")


def _raise_mistake(out: "Output", answer: "Answer", *, as_text: bool) -> None:
    import json

    found = json.loads(answer["result.json"])
    if (mistake := found.get("buildError")) is None:
        return
    if as_text and found["warnings"]:
        out.line()
    excerpt = "".join(_excerpt(found["sources"][0], it) for it in mistake["location"].get("ranges", ())[:1])
    raise CommandError(f"ERROR: {mistake['message']}{excerpt}")


def _excerpt(source: "Answer", lines: "Answer") -> str:
    import base64

    from scow.spec.file_excerpt import file_excerpt

    text = base64.b64decode(source["data"]).decode("utf-8", "replace")
    first, last = lines["start"]["line"], lines["end"]["line"]
    return "\n" + file_excerpt(source["filename"], text.split("\n"), first, last)
