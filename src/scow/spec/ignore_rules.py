"""``.dockerignore``: which paths of a context do not exist for a build.

Patterns are tried in order and the last one that matches a path, or a folder that it is in, decides; one
that begins with ``!`` takes paths back in. Rules of Docker's patternmatcher.
"""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from scow.spec.path_patterns import has_magic, path_pattern


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    includes: bool
    text: str
    beginning: str
    """The folder that everything that matches is in, without a final slash; empty if that is not known."""


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """Made by ``parse_ignore_file``."""

    rules: tuple[_Rule, ...] = ()
    _verdicts: dict[str, tuple[bool, ...]] = field(default_factory=dict, compare=False, repr=False)

    def __bool__(self) -> bool:
        return bool(self.rules)

    def ignores(self, path: str) -> bool:
        """Whether ``path``, with slashes and relative to the context, is left out."""
        verdict = False
        for rule, matched in zip(self.rules, self._matches(path), strict=True):
            if matched:
                verdict = not rule.includes
        return verdict

    @property
    def patterns(self) -> tuple[str, ...]:
        """The rules as lines again, cleaned."""
        return tuple(f"!{rule.text}" if rule.includes else rule.text for rule in self.rules)

    def may_hold_included(self, folder: str) -> bool:
        """Whether something in an ignored ``folder`` may be taken back in by a later rule."""
        return any(
            rule.includes
            and (
                not rule.beginning
                or f"{rule.beginning}/".startswith(f"{folder}/")
                or f"{folder}/".startswith(f"{rule.beginning}/")
            )
            for rule in self.rules
        )

    def _matches(self, path: str) -> tuple[bool, ...]:
        """For each rule, whether it matches the path or a folder above. Folders' answers are kept."""
        parent = posixpath.dirname(path)
        above = (False,) * len(self.rules)
        if parent:
            above = self._verdicts.get(parent) or self._matches(parent)
            self._verdicts[parent] = above
        return tuple(
            inherited or rule.pattern.fullmatch(path) is not None
            for rule, inherited in zip(self.rules, above, strict=True)
        )


def parse_ignore_file(text: str) -> IgnoreRules:
    """Raises InvalidArgumentError for a pattern that is none."""
    return ignore_rules(text.removeprefix("\ufeff").splitlines())


def ignore_rules(lines: Iterable[str]) -> IgnoreRules:
    """One pattern a line; blank lines and those that begin with ``#`` say nothing."""
    rules = []
    for line in lines:
        pattern = line.strip()
        if line.startswith("#") or not pattern:
            continue
        includes = pattern.startswith("!")
        if includes:
            pattern = pattern[1:].strip()
        pattern = posixpath.normpath(pattern) if pattern else ""
        pattern = pattern.lstrip("/") if len(pattern) > 1 else pattern
        rules.append(_rule(pattern, includes))
    return IgnoreRules(tuple(rules))


def _rule(pattern: str, includes: bool) -> _Rule:
    plain = []
    for part in pattern.split("/"):
        if has_magic(part):
            break
        plain.append(part)
    return _Rule(path_pattern(pattern, double_star=True), includes, pattern, "/".join(plain))
