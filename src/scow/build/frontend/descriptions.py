"""What a Dockerfile offers, without building anything: its targets, and what one of them takes.

The answers are BuildKit's (frontend/subrequests): a JSON document for programs, and a text for people.
A comment right above a stage or an argument describes it if it begins with its name.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from scow.build.checks.answer import as_json
from scow.build.dockerfile import instructions as it
from scow.build.dockerfile.instructions import Stage
from scow.build.dockerfile.parser import Dockerfile
from scow.build.dockerfile.source import Location
from scow.build.evaluate.evaluator import Evaluator
from scow.build.evaluate.run_mounts import parse_mount
from scow.build.evaluate.variables import platform_arguments
from scow.build.frontend.checking import LINT
from scow.errors import UnsupportedError
from scow.spec.platform import Platform

OUTLINE, TARGETS, DESCRIBE = "frontend.outline", "frontend.targets", "frontend.subrequests.describe"
_ABOUT = {
    OUTLINE: "List all parameters current build target supports",
    TARGETS: "List all targets current build supports",
    LINT: "Lint a Dockerfile",
    DESCRIBE: "List available subrequest types",
}
_VERSION = "1.0.0"
_PADDING = 3
_NONE = Platform("", "")
_PLATFORM_NAMES = frozenset(platform_arguments(_NONE, _NONE, ""))
_VARIABLE = re.compile(r"\$\{?(\w+)")

Document = dict[str, Any]
Table = list[tuple[str, ...]]


def describe(request: str, evaluator: Evaluator) -> Mapping[str, bytes]:
    """The answer to ``request``, by the names that clients know its parts by.

    Raises UnsupportedError for one that is not known, InvalidArgumentError.
    """
    document: Document | list[Document]
    if request == TARGETS:
        document = {"targets": list(_targets(evaluator)), "sources": _sources(evaluator)}
        text = _targets_text(document)
    elif request == OUTLINE:
        document = _outline(evaluator)
        text = _outline_text(document)
    elif request == DESCRIBE:
        document = [_about(name) for name in _ABOUT]
        text = "\n".join(f"{name}: {about}" for name, about in _ABOUT.items()) + "\n"
    else:
        raise UnsupportedError(f"unsupported request {request}")
    return {
        "result.json": as_json(document),
        "result.txt": text.encode(),
        "version": _VERSION.encode(),
    }


def _about(name: str) -> Document:
    return {
        "name": name,
        "version": _VERSION,
        "type": "rpc",
        "description": _ABOUT[name],
        "opts": None,
        "metadata": [{"name": "result.json", "description": ""}, {"name": "result.txt", "description": ""}],
    }


def _targets(evaluator: Evaluator) -> Iterator[Document]:
    """Stages in order; the last one is what is built by default."""
    stages = evaluator.dockerfile.stages
    default = evaluator.target_index()
    for index, stage in enumerate(stages):
        found: Document = {
            "name": stage.written_name,
            "default": index == default,
            "description": _described(stage.comments, stage.written_name),
            "base": stage.base,
            "platform": stage.platform,
        }
        yield {
            **{key: value for key, value in found.items() if value or key == "name"},
            "location": _place(stage.location),
        }


def _outline(evaluator: Evaluator) -> Document:
    """Of the target: the arguments that it uses, the secrets and agents that its programs mount."""
    target = evaluator.target_index()
    stages = [evaluator.dockerfile.stages[index] for index in evaluator.needed(target)]
    stage = evaluator.dockerfile.stages[target]
    found: Document = {
        "name": stage.written_name,
        "description": _described(stage.comments, stage.written_name),
        "args": list(_arguments(evaluator, evaluator.needed(target))),
        "secrets": list(_mounted("secret", stages)),
        "ssh": list(_mounted("ssh", stages)),
    }
    return {**{key: value for key, value in found.items() if value}, "sources": _sources(evaluator)}


def _arguments(evaluator: Evaluator, needed: Sequence[int]) -> Iterator[Document]:
    """Each once, where it was first declared, with its value there. The platform's are not told."""
    dockerfile = evaluator.dockerfile
    shown: dict[str, Document] = {}

    def show(argument: it.Arg, name: str, value: str | None) -> None:
        comment = _described(_above(dockerfile, argument.location), name)
        found = {"name": name, "description": comment, "value": value}
        place = {"location": _place(argument.location)}
        shown.setdefault(name, {key: text for key, text in found.items() if text} | place)

    stages = [dockerfile.stages[index] for index in needed]
    declared_inside = {name for stage in stages for name, _, _ in _declared(stage.instructions)}
    inner = _used(stages)
    defaults = {name: default or "" for name, default, _ in _declared(dockerfile.arguments)}
    outer = _with_defaults(_names_in(stage.base + stage.platform for stage in stages), defaults)
    for name, _, argument in _declared(dockerfile.arguments):
        if name in outer or name in declared_inside & inner:
            show(argument, name, evaluator.global_scope.arguments.get(name))
    for index in needed:
        scope = evaluator.stage_scope(index)
        for name, default, argument in _declared(dockerfile.stages[index].instructions):
            value = scope.declare(name, None if default is None else scope.expand(default))
            if name in inner and name not in _PLATFORM_NAMES:
                show(argument, name, value)
    yield from shown.values()


def _declared(instructions: Iterable[it.Instruction]) -> Iterator[tuple[str, str | None, it.Arg]]:
    for instruction in instructions:
        if isinstance(instruction, it.Arg):
            for name, default in instruction.arguments:
                yield name, default, instruction


def _used(stages: Sequence[Stage]) -> set[str]:
    """Names that instructions use, or defaults of arguments that they use."""
    texts = [one.text for stage in stages for one in stage.instructions if not isinstance(one, it.Arg)]
    inner = (one for stage in stages for one in stage.instructions)
    defaults = {name: default or "" for name, default, _ in _declared(inner)}
    return _with_defaults(_names_in(texts), defaults)


def _names_in(texts: Iterable[str]) -> set[str]:
    return set(_VARIABLE.findall("\n".join(texts)))


def _with_defaults(used: set[str], defaults: Mapping[str, str]) -> set[str]:
    """And what their defaults use."""
    found, queue = set(used), list(used)
    while queue:
        more = _names_in([defaults.get(queue.pop(), "")]) - found
        found |= more
        queue += more
    return found


def _mounted(kind: str, stages: Sequence[Stage]) -> Iterator[Document]:
    seen: set[str] = set()
    for stage in stages:
        for instruction in stage.instructions:
            for text in instruction.mounts if isinstance(instruction, it.Run) else ():
                mount, _ = parse_mount(text, lambda word: word)
                if mount.kind == kind and mount.id not in seen:
                    seen.add(mount.id)
                    required = {"required": True} if mount.required else {}
                    yield {"name": mount.id, **required, "location": _place(instruction.location)}


def _sources(evaluator: Evaluator) -> list[str]:
    """What the lines are counted in."""
    text = "\n".join(evaluator.dockerfile.source.lines)
    return [base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()]


def _above(dockerfile: Dockerfile, here: Location) -> tuple[str, ...]:
    """The comments right above an instruction."""
    found: list[str] = []
    for line in reversed(dockerfile.source.lines[: here.start - 1]):
        if not line.strip().startswith("#"):
            break
        found.append(line.strip().removeprefix("#").strip())
    return tuple(found)


def _described(comments: Iterable[str], name: str) -> str:
    """What the comment says that begins with ``name``."""
    return next((it.removeprefix(f"{name} ").strip() for it in comments if it.startswith(f"{name} ")), "")


def _place(here: Location) -> Document:
    return {"ranges": [{"start": {"line": here.start}, "end": {"line": here.end}}]}


def _targets_text(document: Document) -> str:
    rows: Table = [("TARGET", "DESCRIPTION")]
    for target in document["targets"]:
        default = "(default)" if target.get("default") else ""
        rows.append((" ".join(filter(None, (target["name"], default))), target.get("description", "")))
    return _table(rows)


def _outline_text(document: Document) -> str:
    parts = []
    if document.get("name") or document.get("description"):
        rows: Table = [("TARGET:", document.get("name") or "(default)")]
        if about := document.get("description"):
            rows.append(("DESCRIPTION:", about))
        parts.append(_table(rows, padding=1))
    if arguments := document.get("args"):
        rows = [(arg["name"], arg.get("value", ""), arg.get("description", "")) for arg in arguments]
        parts.append(_table([("BUILD ARG", "VALUE", "DESCRIPTION"), *rows]))
    for kind, title in (("secrets", "SECRET"), ("ssh", "SSH")):
        if found := document.get(kind):
            rows = [(one["name"], "true" if one.get("required") else "") for one in found]
            parts.append(_table([(title, "REQUIRED"), *rows]))
    return "".join(f"{part}\n" for part in parts)


def _table(rows: Table, padding: int = _PADDING) -> str:
    """Columns as wide as what is in them; the last one is not filled up (Go's text/tabwriter)."""
    widths = [max(len(row[at]) for row in rows) + padding for at in range(len(rows[0]) - 1)]
    lines = (
        "".join(f"{text:{width}}" for text, width in zip(row, (*widths, 0), strict=True)) for row in rows
    )
    return "".join(f"{line}\n" for line in lines)
