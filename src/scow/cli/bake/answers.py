"""What ``bake --call`` prints: an answer for each target in place of an image."""

import json

from scow.cli.building.calls import BUILD, Call, parse_call
from scow.cli.building.checks import print_answer
from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.bake.plan import Plan
    from scow.cli.output import Output

    Results = dict[str, dict[str, Any]]


def print_answers(out: "Output", plan: "Plan", results: "Results") -> int:
    """For people, each below its target's name; the exit code."""
    status = 0
    for number, (name, call) in enumerate(_asked(plan, results)):
        about = plan.targets[name].get("description")
        out.write("\n" * bool(number) + "\n".join(filter(None, (name, about))) + "\n\n")
        try:
            status = status or print_answer(out, call, results[name])
        except CommandError as exc:
            out.line(f"error: {exc.message.removeprefix('ERROR: ')}")
            status = 1
    return status


def as_document(plan: "Plan", results: "Results") -> "tuple[dict[str, Any], int]":
    """The plan as one document, with each target's answer in it; the exit code."""
    document: dict[str, Any] = plan.document()
    found = {name: {"build": fields} for name, fields in document["target"].items()}
    status = 0
    for name, call in _asked(plan, results):
        answer = json.loads(results[name]["result.json"])
        if mistake := answer.get("buildError"):
            answer["error"], status = mistake["message"], 1
        elif not call.ignores_status:
            status = status or int(results[name].get("result.statuscode", "0"))
        found[name][call.name] = answer
    return {**document, "target": found}, status


def _asked(plan: "Plan", results: "Results") -> list[tuple[str, Call]]:
    calls = {name: parse_call(plan.targets[name].get("call", "")) for name in sorted(results)}
    return [(name, call) for name, call in calls.items() if call.name != BUILD]
