"""What is to be built: targets resolved, with what they inherit and what the command line says."""

import fnmatch
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scow.cli.bake.definitions import Written
from scow.cli.bake.fields import Fields, merged, normalized, printable
from scow.cli.bake.overrides import Override, overridden, parse_overrides
from scow.errors import InvalidArgumentError

_TARGET = "target:"


@dataclass(slots=True)
class Plan:
    """Targets by name, and groups. ``linked`` are built for others only: nobody asked for their result.

    ``wanted`` is what was asked for by name; ``overrides`` what the command line says of targets.
    """

    targets: dict[str, Fields] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    linked: set[str] = field(default_factory=set)
    wanted: list[str] = field(default_factory=list)
    overrides: Mapping[str, dict[str, Override]] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """For ``--print``."""
        groups = {name: {"targets": targets} for name, targets in sorted(self.groups.items())}
        targets = {name: printable(fields) for name, fields in sorted(self.targets.items())}
        document: dict[str, object] = {"group": groups} if groups else {}
        return document | {"target": targets}

    def needs(self, name: str) -> list[str]:
        """The targets that one is made from."""
        values = self.targets[name].get("contexts", {}).values()
        return [it.removeprefix(_TARGET) for it in values if it.startswith(_TARGET)]


def make_plan(written: Written, wanted: Sequence[str], settings: Sequence[str]) -> Plan:
    """``settings`` are those of ``--set``. Raises InvalidArgumentError in buildx's words."""
    names = [name for pattern in wanted or ["default"] for name in _matching(written, _sanitized(pattern))]
    names = list(dict.fromkeys(names))
    overrides = parse_overrides(settings, list(written.targets))
    plan = Plan(wanted=names, overrides=overrides)
    for name in names:
        targets, groups = _group(written, name)
        for target in targets:
            plan.targets[target] = _resolved(written, target, overrides)
        plan.groups |= {it: list(written.groups[it]) for it in groups}
    asked = [name for name in names if name != "default"]
    if asked:
        before = plan.groups.get("default", [])
        plan.groups["default"] = list(dict.fromkeys([*before, *asked]))
    linked: set[str] = set()
    for name in list(plan.targets):
        _add_links(written, plan, name, overrides, (), linked)
    return plan


def _sanitized(name: str) -> str:
    return name.replace(".", "_")


def _matching(written: Written, pattern: str) -> list[str]:
    if not any(char in pattern for char in "*?[]"):
        return [pattern]
    found = [name for name in (*written.groups, *written.targets) if fnmatch.fnmatchcase(name, pattern)]
    if not found:
        raise InvalidArgumentError(f'could not find any target matching "{pattern}"')
    return found


def _group(written: Written, name: str, visited: frozenset[str] = frozenset()) -> tuple[list[str], list[str]]:
    """The targets of a group, and the groups on the way; a name that is no group is a target's."""
    if name not in written.groups or (name in written.targets and name in visited):
        return [name], []
    if name in visited:
        return [], []
    targets: list[str] = []
    groups = [name]
    for inner in written.groups[name]:
        if inner == name and inner in written.targets:
            targets.append(inner)
            continue
        more, further = _group(written, inner, visited | {name})
        targets += more
        groups += further
    return list(dict.fromkeys(targets)), list(dict.fromkeys(groups))


def _resolved(written: Written, name: str, overrides: Mapping[str, dict[str, Override]]) -> Fields:
    fields = _inherited(written, name, overrides, set())
    if fields is None:
        raise InvalidArgumentError(f"failed to find target {name}")
    fields.pop("inherits", None)
    fields["context"] = _clean(fields.get("context") or ".")
    fields["dockerfile"] = fields.get("dockerfile") or "Dockerfile"
    return fields


def _inherited(
    written: Written, name: str, overrides: Mapping[str, dict[str, Override]], visited: set[str]
) -> Fields | None:
    """``None`` if it is being looked at already: a circle ends where it closes."""
    if name in visited:
        return None
    if name not in written.targets:
        raise InvalidArgumentError(f"failed to find target {name}")
    visited.add(name)
    own: Fields = {}
    for fields in written.targets[name]:
        own = merged(own, fields)
    found: Fields = {}
    for parent in own.get("inherits", []):
        if (inherited := _inherited(written, parent, overrides, visited)) is not None:
            found = merged(found, inherited)
    found = overridden(merged(found, own), overrides.get(name, {}))
    visited.discard(name)
    return normalized(found)


def _clean(context: str) -> str:
    """A path of this machine in its shortest form; addresses stay."""
    if "://" in context or context.startswith(("git@", _TARGET)) or context == "-":
        return context
    return posixpath.normpath(context)


def _add_links(
    written: Written,
    plan: Plan,
    name: str,
    overrides: Mapping[str, dict[str, Override]],
    path: tuple[str, ...],
    done: set[str],
) -> None:
    """The targets that ``target:`` contexts mean; those of ``done`` have been looked at."""
    path = (*path, name)
    for target in plan.needs(name):
        if target == name:
            raise InvalidArgumentError(f"target {target} cannot link to itself")
        if target in path:
            raise InvalidArgumentError(f"infinite loop from {name} to {target}")
        if target not in plan.targets:
            plan.targets[target] = _resolved(written, target, overrides) | {"output": []}
            plan.linked.add(target)
        if target not in done:
            _add_links(written, plan, target, overrides, path, done)
        _check_platforms(plan, name, target)
    done.add(name)


def _check_platforms(plan: Plan, name: str, needed: str) -> None:
    """A target for several platforms is made from one that has all of them, or from one of one platform."""
    wanted, made = (plan.targets[it].get("platforms", []) for it in (name, needed))
    if len(wanted) > 1 and len(made) > 1 and not set(wanted) <= set(made):
        raise InvalidArgumentError(
            f"target {needed} can't be used by {name} because its platforms [{' '.join(wanted)}] are not a "
            f"subset of [{' '.join(made)}]"
        )
