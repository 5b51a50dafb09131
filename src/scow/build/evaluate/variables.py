"""Variables while a Dockerfile is evaluated: ``ARG``, ``ENV``, and those that are always there."""

import json
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from scow.errors import InvalidArgumentError
from scow.spec.platform import Platform
from scow.spec.shell_words import Lexing, expand, expand_words

# Known without an ARG, given to programs, part of no key and no history.
PROXY_ARGUMENTS = frozenset(
    name
    for upper in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
    for name in (upper, upper.lower())
)


def platform_arguments(build: Platform, target: Platform, stage: str) -> dict[str, str]:
    """``BUILDPLATFORM``, ``TARGETARCH`` and their like."""
    values = {"TARGETSTAGE": stage or "default"}
    for prefix, platform in (("BUILD", build), ("TARGET", target)):
        values |= {
            f"{prefix}PLATFORM": str(platform),
            f"{prefix}OS": platform.os,
            f"{prefix}OSVERSION": "",
            f"{prefix}ARCH": platform.architecture,
            f"{prefix}VARIANT": platform.variant,
        }
    return values


@dataclass(slots=True)
class Scope:
    """The variables of one stage, or of what stands before the first ``FROM``.

    ``given`` are the ``--build-arg`` of the build; ``outer`` what an ``ARG`` without a default may take:
    arguments before the first ``FROM``, and the platform's. ``arguments`` are those declared so far.
    """

    given: Mapping[str, str]
    outer: Mapping[str, str]
    escape: str = "\\"
    arguments: dict[str, str | None] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    unset: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    newer: dict[str, str] = field(default_factory=dict)
    """Arguments that win over ``env``, for they were declared after it."""

    def values(self) -> Mapping[str, str | None]:
        """What words are expanded with: ``newer``, ``ENV``, ``ARG``. It changes as the scope does."""
        known = self.newer, self.env, self.arguments
        return ChainMap[str, str | None](*known)  # type: ignore[arg-type]  # nobody writes

    def declare(self, name: str, default: str | None) -> str | None:
        """``ARG``: the value that the name has from here on, ``None`` if it has none."""
        self.used.add(name)
        if name in self.given:
            value: str | None = self.given[name]
        elif default is not None:
            value = default
        else:
            value = self.outer.get(name)
        self.arguments[name] = value
        return value

    def keeps_value(self, name: str, default: str | None) -> bool:
        """Whether ``ARG`` without anything new leaves a name the value that it has."""
        new = name in self.given or default is not None or self.outer.get(name) is not None
        return not new and self.arguments.get(name) is not None

    def program_arguments(self) -> list[tuple[str, str]]:
        """Declared arguments that programs see in their environment, by name."""
        return sorted(
            (name, value)
            for name, value in self.arguments.items()
            if value is not None and (name not in self.env or name in self.newer)
        )

    def expand(self, text: str) -> str:
        """One word. Raises InvalidArgumentError."""
        with _processing(text):
            return expand(text, self.values(), Lexing(escape=self.escape), self.unset.append)

    def expand_words(self, text: str) -> list[str]:
        """As many words as come out of it. Raises InvalidArgumentError."""
        with _processing(text):
            return expand_words(text, self.values(), Lexing(escape=self.escape), self.unset.append)

    def expand_content(self, text: str) -> str:
        """A heredoc's content, where quotes are plain characters."""
        with _processing(text):
            return expand(text, self.values(), Lexing(quotes_plain=True), self.unset.append)


@contextmanager
def _processing(text: str) -> Iterator[None]:
    """A mistake in ``text`` says which word it is in."""
    try:
        yield
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"failed to process {json.dumps(text)}: {exc.message}") from exc
    except RecursionError as exc:
        raise InvalidArgumentError(f"failed to process {json.dumps(text[:100])}: nested too deeply") from exc


def split_env(env: Iterable[str]) -> dict[str, str]:
    """``NAME=value`` entries as a mapping."""
    return dict(entry.partition("=")[::2] for entry in env)
