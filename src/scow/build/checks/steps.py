"""Rules on instructions, each as it is when its stage has come to it."""

import posixpath
import re
from collections.abc import Iterable, Iterator

from scow.build.checks.findings import Findings
from scow.build.dockerfile import instructions as it
from scow.build.dockerfile.flags import suggestion
from scow.build.dockerfile.heredoc import parse_heredoc
from scow.build.dockerfile.instructions import Command, Instruction
from scow.build.dockerfile.source import Location
from scow.build.evaluate.git_address import is_git_address
from scow.build.evaluate.stage_state import StageState
from scow.build.evaluate.variables import Unset
from scow.errors import InvalidArgumentError
from scow.spec.ignore_rules import IgnoreRules
from scow.spec.shell_words import Lexing, expand, expand_words

_SECRET = re.compile(
    r"(?:^|_)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)", re.I
)
_NO_SECRET = re.compile(r"(?:^|_)(?:public|file|version)(?:_|$)", re.I)
_WHOLE_CONTEXT = ("*", "**", "**/*")
_ADDRESS = re.compile(r"https?://", re.I)
_MAX_SUGGESTIONS = 50
"""Each looks at many names; there are Dockerfiles made to keep an engine busy."""
_ONCE = (it.Cmd, it.Entrypoint, it.Healthcheck)
_NOT_VARIABLES = frozenset({"BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"})

Found = Iterator[tuple[str, str]]
"""Rules, each with what there is to say."""


class StepChecks:
    """Of one stage. ``workdir_is_set``: a stage that it begins as has said where it works."""

    def __init__(self, findings: Findings, ignored: IgnoreRules, *, workdir_is_set: bool = False) -> None:
        self._findings = findings
        self._ignored = ignored
        self._kept: list[tuple[str, str]] = []
        self._last: dict[type[Instruction], Location] = {}
        self.workdir_is_set = workdir_is_set

    def check_variables(self, instruction: Instruction, unset: Iterable[Unset]) -> None:
        """``unset`` are variables that it has used and that nobody had declared."""
        for found in unset:
            if found.name in _NOT_VARIABLES:
                continue
            helps = len(self._findings.warnings) < _MAX_SUGGESTIONS
            near = suggestion(found.name, found.known, "$", folds_case=False) if helps else ""
            self._add("UndefinedVar", f"Usage of undefined variable '${found.name}'{near}", instruction)

    def check(self, instruction: Instruction, state: StageState) -> None:
        """What it is before it has changed ``state``; said when it has."""
        self._kept = list(self._found(instruction, state))

    def tell(self, instruction: Instruction) -> None:
        """What was kept of it."""
        self._check_only_one(instruction)
        for rule, what in self._kept:
            self._add(rule, what, instruction)

    def _add(self, rule: str, what: str, instruction: Instruction) -> None:
        self._findings.add(rule, what, instruction.location, instruction.comments)

    def _check_only_one(self, instruction: Instruction) -> None:
        """Told at the one that does not count."""
        if not isinstance(instruction, _ONCE):
            return
        if (before := self._last.get(type(instruction))) is not None:
            what = (
                f"Multiple {instruction.word} instructions should not be used in the same stage "
                "because only the last one will be used"
            )
            self._findings.add("MultipleInstructionsDisallowed", what, before, instruction.comments)
        self._last[type(instruction)] = instruction.location

    def _found(self, instruction: Instruction, state: StageState) -> Found:
        match instruction:
            case it.Env(pairs=pairs) | it.Label(pairs=pairs):
                for pair in pairs:
                    yield from _pair(instruction, pair, state)
            case it.Arg(arguments=arguments):
                for name, _ in arguments:
                    yield from _secret(name, "ARG")
            case it.Cmd(command=command) | it.Entrypoint(command=command):
                yield from _command(instruction, command, state)
            case it.Workdir(path=path):
                yield from self._workdir(_expanded(path, state))
            case it.Expose(ports=ports):
                for text in ports:
                    for port in _words(text, state):
                        yield from _port(port)
            case it.Copy(from_=""):
                for source in _own_files(instruction, state):
                    yield from self._copied(instruction, source)

    def _workdir(self, path: str) -> Found:
        """The first one decides; whoever mends it mends those below."""
        if not self.workdir_is_set and not path.startswith("/"):
            result = "can have unexpected results if the base image changes"
            yield "WorkdirRelativePath", f'Relative workdir "{path}" {result}'
        self.workdir_is_set = True

    def _copied(self, instruction: Instruction, source: str) -> Found:
        """Rules that take something back in may do so below what is named: then nobody can say."""
        rules = self._ignored.patterns
        if not rules or any(rule.startswith("!") for rule in rules):
            return
        path = posixpath.normpath(source)
        inner = path.lstrip("/")
        if inner in ("", "."):
            hidden = any(rule in _WHOLE_CONTEXT for rule in rules)
        else:
            hidden = self._ignored.ignores(inner)
        if hidden:
            word = "Add" if isinstance(instruction, it.Add) else "Copy"
            yield "CopyIgnoredFile", f'Attempting to {word} file "{path}" that is excluded by .dockerignore'


def _pair(instruction: Instruction, pair: it.Pair, state: StageState) -> Found:
    if pair.legacy:
        new, old = f'"{instruction.word} key=value"', f'"{instruction.word} key value"'
        yield "LegacyKeyValueFormat", f"{new} should be used instead of legacy {old} format"
    if isinstance(instruction, it.Env):
        yield from _secret(_expanded(pair.name, state), "ENV")


def _secret(name: str, word: str) -> Found:
    if _SECRET.search(name) and not _NO_SECRET.search(name):
        what = f'Do not use ARG or ENV instructions for sensitive data ({word} "{name}")'
        yield "SecretsUsedInArgOrEnv", what


def _command(instruction: Instruction, command: Command, state: StageState) -> Found:
    """A shell that was chosen, here or by the base image, was chosen for a reason."""
    if command.shell and not state.config.shell:
        reason = "to prevent unintended behavior related to OS signals"
        yield "JSONArgsRecommended", f"JSON arguments recommended for {instruction.word} {reason}"


def _port(port: str) -> Found:
    front, colon, last = port.rpartition(":")
    _, _, protocol = last.partition("/")
    if protocol != protocol.lower():
        what = f"Defined protocol '{port}' in EXPOSE instruction should be lowercase"
        yield "ExposeProtoCasing", what
    if colon and front:
        what = f"EXPOSE instruction should not define an IP address or host-port mapping, found '{port}'"
        yield "ExposeInvalidFormat", what


def _own_files(instruction: it.Copy, state: StageState) -> Iterator[str]:
    """Sources that are files of the context."""
    documents = {document.name for document in instruction.heredocs}
    for written in instruction.sources:
        document = parse_heredoc(written) if documents else None
        if document is not None and document.name in documents:
            continue
        source = _expanded(written, state)
        if not (isinstance(instruction, it.Add) and (_ADDRESS.match(source) or is_git_address(source))):
            yield source


def _expanded(text: str, state: StageState) -> str:
    """As it is; whoever evaluates it says what is wrong with it."""
    try:
        return expand(text, state.scope.values(), Lexing(escape=state.scope.escape))
    except InvalidArgumentError:
        return text


def _words(text: str, state: StageState) -> list[str]:
    try:
        return expand_words(text, state.scope.values(), Lexing(escape=state.scope.escape))
    except InvalidArgumentError:
        return []
