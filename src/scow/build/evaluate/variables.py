"""Variables while a Dockerfile is evaluated: ``ARG``, ``ENV``, and those that are always there."""

import json
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from scow.errors import InvalidArgumentError
from scow.spec.platform import Platform
from scow.spec.shell_words import Lexing, expand, expand_words

_MAX_KNOWN = 300
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


@dataclass(frozen=True, slots=True)
class Unset:
    """A name in a word that nobody had declared, and the first of those that had a value then."""

    word: str
    name: str
    known: tuple[str, ...]


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
    unset: list[Unset] = field(default_factory=list)
    """In the order in which words were filled in."""
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
        return self._expanded(text, Lexing(escape=self.escape))

    def expand_words(self, text: str) -> list[str]:
        """As many words as come out of it; what has no value is not noted. Raises InvalidArgumentError."""
        with _processing(text):
            return expand_words(text, self.values(), Lexing(escape=self.escape))

    def expand_content(self, text: str) -> str:
        """A heredoc's content, where quotes are plain characters."""
        return self._expanded(text, Lexing(quotes_plain=True))

    def _expanded(self, text: str, lexing: Lexing) -> str:
        missing: dict[str, None] = {}
        with _processing(text):
            try:
                return expand(text, self.values(), lexing, missing.setdefault)
            finally:
                if undeclared := [name for name in missing if name not in self.arguments]:
                    known = tuple(
                        islice((it for it, value in self.values().items() if value is not None), _MAX_KNOWN)
                    )
                    self.unset += [Unset(text, name, known) for name in undeclared]


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
