"""``scow buildx bake``."""

import json
import os
import time

from scow.cli.builders import use_builder
from scow.cli.command import Command
from scow.cli.commands.imagetools.create import BUILDER
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, STRING, Flag, list_of
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.bake.hcl_nodes import Source
    from scow.cli.bake.plan import Plan
    from scow.cli.building.modern import Display
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_TEXTS = list_of(name="stringArray")
_READING = "bake definitions"


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Builds what definition files say, or prints what that is."""
    from scow.cli.bake.plan import make_plan
    from scow.cli.bake.reading import read_files, written_in
    from scow.cli.bake.remote import fetch, take_addresses
    from scow.cli.building.modern import check_policy, display_of

    check_policy(flags["policy"])
    if flags["print"] and flags["list"]:
        raise CommandError("ERROR: --print and --list are mutually exclusive")
    address, cmd_context, wanted = take_addresses(flags.arguments)
    display = display_of(invocation, flags)
    try:
        use_builder(invocation, flags["builder"])
        remote = fetch(invocation, address, flags["file"], display) if address else None
        sources = remote.sources if remote is not None else read_files(flags["file"])
        _show_reading(display, sources)
        written = written_in(sources, {**invocation.environ, **_variables(flags)}, _known(cmd_context))
        if flags["list"]:
            from scow.cli.bake.listing import listed

            invocation.out.write(listed(flags["list"], written))
            return
        plan = make_plan(written, wanted, _settings(flags))
        if remote is not None:
            remote.place(plan)
        if flags["print"]:
            invocation.out.line(_json(plan.document()))
            return
        display = _permitted(invocation, flags, plan, display, is_remote=remote is not None)
        results = _bake(invocation, flags, plan, display)
    except InvalidArgumentError as exc:
        raise CommandError(f"ERROR: {exc.message}") from exc
    finally:
        display.close()
    warnings = {name: it.pop("warnings") for name, it in results.items()}
    if flags["metadata-file"]:
        _write_metadata(invocation, flags, results, warnings)
    _report(invocation, flags, plan, results)


def _bake(
    invocation: "Invocation", flags: "Flags", plan: "Plan", display: "Display"
) -> "dict[str, dict[str, Any]]":
    from scow.cli.bake.running import Baking

    common = {name: flags[name] for name in ("builder", "metadata-file")}
    return Baking(invocation, plan, display, common).run()


def _write_metadata(
    invocation: "Invocation",
    flags: "Flags",
    results: "dict[str, dict[str, Any]]",
    warnings: "dict[str, list[dict[str, Any]]]",
) -> None:
    """By target, and what was warned of in any of them."""
    from scow.cli.building.metadata import (
        WARNINGS,
        decoded,
        wants_warnings,
        warnings_as_metadata,
        write_metadata,
    )

    document: dict[str, Any] = {name: decoded(it) for name, it in results.items()}
    told = [warning for found in warnings.values() for warning in found]
    if told and flags["call"] == "build" and not flags["check"] and wants_warnings(invocation.environ):
        document[WARNINGS] = warnings_as_metadata(told)
    write_metadata(flags["metadata-file"], document)


def _report(
    invocation: "Invocation", flags: "Flags", plan: "Plan", results: "dict[str, dict[str, Any]]"
) -> None:
    """What was asked of each target in place of an image. Raises CommandError for what was found."""
    from scow.cli.bake.answers import as_document, print_answers
    from scow.cli.building.calls import parse_call

    if parse_call(flags["call"]).written_as == "json":
        document, code = as_document(plan, results)
        invocation.out.line(_json(document))
    else:
        code = print_answers(invocation.out, plan, results)
    if code:
        raise CommandError("", code)


def _variables(flags: "Flags") -> dict[str, str]:
    """``--var``. Raises CommandError."""
    found = {}
    for text in filter(None, flags["var"]):
        name, equals, value = text.partition("=")
        if not equals:
            raise CommandError(f'ERROR: invalid variable "{text}", expected key=value')
        if not name:
            raise CommandError(f'ERROR: invalid variable "{text}", key is empty')
        found[name] = value
    return found


def _known(cmd_context: str) -> dict[str, str]:
    """Variables that bake has by itself."""
    from scow.spec.platform import host_platform

    return {
        "BAKE_CMD_CONTEXT": cmd_context,
        "BAKE_LOCAL_PLATFORM": str(host_platform(os.uname().machine)),
    }


def _settings(flags: "Flags") -> list[str]:
    """``--set``, and the options that are short for one. Later ones count."""
    settings = []
    settings += [f"*.{name}=true" for name in ("push", "load") if flags[name]]
    settings += [
        f"*.{name}={str(flags[name]).lower()}" for name in ("no-cache", "pull") if name in flags.changed
    ]
    if flags["sbom"]:
        settings.append(f"*.attest={_attestation('sbom', flags['sbom'])}")
    if flags["provenance"]:
        settings.append(f"*.attest={_attestation('provenance', flags['provenance'])}")
    call = _call(flags)
    if call != "build":
        settings.append(f"*.call={call}")
    return settings + list(flags["set"])


def _call(flags: "Flags") -> str:
    """``--check`` is a shorthand; what else ``--call`` says stays."""
    if not flags["check"]:
        return str(flags["call"])
    fields = [field for field in flags["call"].split(",") if "=" in field]
    return ",".join(["check", *fields])


def _attestation(kind: str, value: str) -> str:
    if value in ("true", "1"):
        return f"type={kind}"
    return f"type={kind},disabled=true" if value in ("false", "0") else f"type={kind},{value}"


def _permitted(
    invocation: "Invocation", flags: "Flags", plan: "Plan", display: "Display", *, is_remote: bool
) -> "Display":
    """Who shows what follows, once all rights are given. Raises CommandError."""
    from scow.cli.bake.entitlements import grant_overridden, missing, parse_allowed

    given = parse_allowed(flags["allow"])
    for name, overrides in plan.overrides.items():
        if name in plan.targets:
            grant_overridden(given, plan.targets[name], overrides)
    asked = missing(given, plan.targets.values())
    if not asked:
        return display
    from scow.cli.bake.asking import ask, refuse
    from scow.cli.building.modern import display_of

    if flags["progress"] == "rawjson":
        refuse(asked)
    ask(invocation, asked, display.close, is_remote=is_remote)
    return display_of(invocation, flags)


def _json(document: object) -> str:
    """As Go's encoder writes it: what HTML would take for its own is escaped."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _show_reading(display: "Display", sources: "list[Source]") -> None:
    now_ns = time.time_ns()
    vertex = {"digest": _READING, "name": "[internal] load local bake definitions", "started_ns": now_ns}
    display.show("vertex", vertex)
    for source in sources:
        size = len(source.text.encode())
        what = "reading from stdin" if source.name == "-" else f"reading {source.name}"
        event = {"id": what, "digest": _READING, "current": size, "total": size, "at_ns": now_ns}
        display.show("transfer", {**event, "started_ns": now_ns, "completed_ns": time.time_ns()})
    display.show("vertex", {**vertex, "completed_ns": time.time_ns()})


COMMAND = Command(
    run,
    "[OPTIONS] [TARGET...]",
    "Build from a file",
    flags=(
        Flag("allow", _TEXTS, "Allow build to access specified resources"),
        Flag("call", STRING, 'Set method for evaluating build ("check")', default="build"),
        Flag("check", BOOL, 'Shorthand for "--call=check"'),
        Flag("file", _TEXTS, "Build definition file", short="f"),
        Flag("list", STRING, "List targets or variables"),
        Flag("load", BOOL, 'Shorthand for "--set=*.output=type=docker"'),
        Flag("metadata-file", STRING, "Write build result metadata to the file"),
        Flag("no-cache", BOOL, "Do not use cache when building the image"),
        Flag(
            "policy",
            _TEXTS,
            'Global policy evaluation options (format: "[disabled=true|false][,strict=true|false]'
            '[,log-level=level]")',
        ),
        Flag("print", BOOL, "Print the options without building"),
        Flag(
            "progress",
            STRING,
            'Set type of progress output ("auto", "plain", "tty"). Use plain to show container output',
            default="auto",
        ),
        Flag("provenance", STRING, 'Shorthand for "--set=*.attest=type=provenance"'),
        Flag("pull", BOOL, "Always attempt to pull all referenced images"),
        Flag("push", BOOL, 'Shorthand for "--set=*.output=type=registry"'),
        Flag("sbom", STRING, 'Shorthand for "--set=*.attest=type=sbom"'),
        Flag("set", _TEXTS, 'Override target value (e.g., "targetpattern.key=value")'),
        Flag("var", _TEXTS, 'Set a variable value (e.g., "name=value")'),
        BUILDER,
    ),
    arguments=lambda _count: None,
)
