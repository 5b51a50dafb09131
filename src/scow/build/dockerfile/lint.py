"""Build checks: what is not wrong in a Dockerfile, and still not as it should be.

Rules that look at the text alone. What only an evaluation sees (``UndefinedVar``) is the evaluator's to tell.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from scow.build.dockerfile import instructions as it
from scow.build.dockerfile.directives import Directives
from scow.build.dockerfile.instructions import Instruction, Stage
from scow.build.dockerfile.lint_rules import EXPERIMENTAL, LintWarning
from scow.build.dockerfile.parser import Dockerfile
from scow.build.dockerfile.source import Location
from scow.spec.ignore_rules import IgnoreRules

_VARIABLE = re.compile(r"\$\{?(\w+)")
_TARGET_PLATFORM = ("$TARGETPLATFORM", "${TARGETPLATFORM}")
_RESERVED = ("scratch", "context")
_SECRET = re.compile(
    r"(?:^|_)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)", re.I
)
_NO_SECRET = re.compile(r"(?:^|_)(?:public|file|version)(?:_|$)", re.I)
_WHOLE_CONTEXT = ("*", "**", "**/*")
_DIRECTIVE = re.compile(r"#\s*(?:syntax|escape|check)\s*=", re.I)
_ONCE = (it.Cmd, it.Entrypoint, it.Healthcheck)


def lint(dockerfile: Dockerfile, *, predefined: Mapping[str, str], ignored: IgnoreRules) -> list[LintWarning]:
    """All warnings, by line. ``predefined`` are arguments that need no ARG before the first FROM."""
    found = [
        *_casing(dockerfile),
        *_continuations(dockerfile),
        *_stage_names(dockerfile),
        *_bases(dockerfile, predefined),
        *_descriptions(dockerfile),
    ]
    for stage in dockerfile.stages:
        found += _stage(stage, ignored)
    kept = [warning for warning in found if is_wanted(warning.rule, dockerfile.directives)]
    return sorted(kept, key=lambda warning: (warning.location.start, warning.rule))


def is_wanted(rule: str, directives: Directives) -> bool:
    """Whether ``# check=skip=…`` leaves a rule in, and ``experimental=…`` asks for it where it must."""
    if rule in EXPERIMENTAL and not directives.experimental & {"all", rule}:
        return False
    return not directives.skip & {"all", rule}


def _casing(dockerfile: Dockerfile) -> Iterator[LintWarning]:
    """Of what belongs to stages: arguments before the first one do not."""
    first = next(number for number, it_ in enumerate(dockerfile.statements) if it_.keyword == "from")
    statements = dockerfile.statements[first:]
    counted = Counter(
        "upper" if s.word.isupper() else "lower" for s in statements if s.word.isupper() or s.word.islower()
    )
    majority = "lowercase" if counted["lower"] > counted["upper"] else "uppercase"
    for statement in statements:
        wanted = statement.word.lower() if majority == "lowercase" else statement.word.upper()
        if statement.word != wanted:
            yield LintWarning(
                "ConsistentInstructionCasing",
                f"Command '{statement.word}' should match the case of the command majority ({majority})",
                statement.location,
            )


def _continuations(dockerfile: Dockerfile) -> Iterator[LintWarning]:
    for statement in dockerfile.statements:
        if line := statement.line.empty_continuation:
            yield LintWarning("NoEmptyContinuation", "Empty continuation line", Location(line, line))


def _stage_names(dockerfile: Dockerfile) -> Iterator[LintWarning]:
    seen: set[str] = set()
    for stage in dockerfile.stages:
        here = stage.location
        is_mixed = not (stage.word.isupper() or stage.word.islower())
        as_word = stage.as_word.lower() if stage.word.islower() else stage.as_word.upper()
        if stage.as_word != as_word and not is_mixed:
            what = f"'{stage.as_word}' and '{stage.word}' keywords' casing do not match"
            yield LintWarning("FromAsCasing", what, here)
        if stage.written_name != stage.name:
            yield LintWarning(
                "StageNameCasing", f"Stage name '{stage.written_name}' should be lowercase", here
            )
        if stage.name in _RESERVED:
            what = f'Stage name should not use the same name as reserved stage "{stage.name}"'
            yield LintWarning("ReservedStageName", what, here)
        if stage.name and stage.name in seen:
            what = f'Duplicate stage name "{stage.name}", stage names should be unique'
            yield LintWarning("DuplicateStageName", what, here)
        seen.add(stage.name)


def _bases(dockerfile: Dockerfile, predefined: Mapping[str, str]) -> Iterator[LintWarning]:
    defaults = {name: value for arg in dockerfile.arguments for name, value in arg.arguments}
    for stage in dockerfile.stages:
        here = stage.location
        for name in _VARIABLE.findall(f"{stage.base} {stage.platform}"):
            if name not in defaults and name not in predefined:
                yield LintWarning("UndefinedArgInFrom", f"FROM argument '{name}' is not declared", here)
            elif name in _VARIABLE.findall(stage.base) and name in defaults and not defaults[name]:
                what = f"Default value for ARG {stage.base} results in empty or invalid base image name"
                yield LintWarning("InvalidDefaultArgInFrom", what, here)
        if stage.platform in _TARGET_PLATFORM:
            yield LintWarning(
                "RedundantTargetPlatform",
                f"Setting platform to predefined {stage.platform} in FROM is redundant "
                "as this is the default behavior",
                here,
            )
        elif stage.platform and "$" not in stage.platform and not _is_named_for(stage):
            what = f'FROM --platform flag should not use constant value "{stage.platform}"'
            yield LintWarning("FromPlatformFlagConstDisallowed", what, here)


def _is_named_for(stage: Stage) -> bool:
    """Whether a stage's name says that it is for one platform."""
    system, _, architecture = stage.platform.partition("/")
    parts = (system, architecture.partition("/")[0])
    return any(part and part in stage.name for part in parts)


def _descriptions(dockerfile: Dockerfile) -> Iterator[LintWarning]:
    """A comment right above a stage or argument is its description, and begins with its name."""
    named: list[tuple[str, tuple[str, ...], Location]] = [
        ("FROM", (stage.written_name,), stage.location) for stage in dockerfile.stages if stage.name
    ]
    inner = (item for stage in dockerfile.stages for item in stage.instructions)
    for argument in (*dockerfile.arguments, *inner):
        if isinstance(argument, it.Arg):
            names = tuple(name for name, _ in argument.arguments)
            named.append(("ARG", names, argument.location))
    for word, names, here in named:
        above = dockerfile.source.lines[here.start - 2].strip() if here.start > 1 else ""
        if not above.startswith("#") or _DIRECTIVE.match(above):
            continue
        if above.lstrip("#").split(maxsplit=1)[:1] in ([name] for name in names):
            continue
        example = names[0] if len(names) == 1 else "<arg_key>"
        what = f"Comment for {word} should follow the format: `# {example} <description>`"
        yield LintWarning("InvalidDefinitionDescription", what, here)


def _stage(stage: Stage, ignored: IgnoreRules) -> Iterator[LintWarning]:
    has_shell, has_workdir = False, False
    last_of: dict[type[Instruction], Instruction] = {}
    for instruction in stage.instructions:
        if isinstance(instruction, _ONCE):
            if (before := last_of.get(type(instruction))) is not None:
                yield LintWarning(
                    "MultipleInstructionsDisallowed",
                    f"Multiple {instruction.word} instructions should not be used in the same stage "
                    "because only the last one will be used",
                    before.location,
                )
            last_of[type(instruction)] = instruction
        has_shell = has_shell or isinstance(instruction, it.Shell)
        if isinstance(instruction, it.Workdir):
            if not has_workdir and not instruction.path.startswith(("/", "$")):
                result = "can have unexpected results if the base image changes"
                what = f'Relative workdir "{instruction.path}" {result}'
                yield LintWarning("WorkdirRelativePath", what, instruction.location)
            has_workdir = has_workdir or instruction.path.startswith("/")
        yield from _instruction(instruction, ignored, has_shell=has_shell)


def _instruction(instruction: Instruction, ignored: IgnoreRules, *, has_shell: bool) -> Iterator[LintWarning]:
    here, word = instruction.location, instruction.word.upper()
    match instruction:
        case it.Maintainer():
            what = "Maintainer instruction is deprecated in favor of using label"
            yield LintWarning("MaintainerDeprecated", what, here)
        case it.Cmd(command=command) | it.Entrypoint(command=command):
            if command.shell and command.words and not has_shell:
                reason = "to prevent unintended behavior related to OS signals"
                what = f"JSON arguments recommended for {instruction.word} {reason}"
                yield LintWarning("JSONArgsRecommended", what, here)
        case it.Env(pairs=pairs) | it.Label(pairs=pairs):
            if any(pair.legacy for pair in pairs):
                new, old = f'"{instruction.word} key=value"', f'"{instruction.word} key value"'
                what = f"{new} should be used instead of legacy {old} format"
                yield LintWarning("LegacyKeyValueFormat", what, here)
            if word == "ENV":
                yield from _secrets([pair.name for pair in pairs], word, here)
        case it.Arg(arguments=arguments):
            yield from _secrets([name for name, _ in arguments], word, here)
        case it.Expose(ports=ports):
            yield from _ports(ports, here)
        case it.Copy():
            yield from _ignored_sources(instruction, ignored)


def _secrets(names: list[str], word: str, here: Location) -> Iterator[LintWarning]:
    for name in names:
        if _SECRET.search(name) and not _NO_SECRET.search(name):
            what = f'Do not use ARG or ENV instructions for sensitive data ({word} "{name}")'
            yield LintWarning("SecretsUsedInArgOrEnv", what, here)


def _ports(ports: tuple[str, ...], here: Location) -> Iterator[LintWarning]:
    for port in ports:
        _, _, protocol = port.partition("/")
        if protocol != protocol.lower() and "$" not in protocol:
            what = f"Defined protocol '{port}' in EXPOSE instruction should be lowercase"
            yield LintWarning("ExposeProtoCasing", what, here)
        if ":" in port and "$" not in port:
            what = f"EXPOSE instruction should not define an IP address or host-port mapping, found '{port}'"
            yield LintWarning("ExposeInvalidFormat", what, here)


def _ignored_sources(instruction: it.Copy, ignored: IgnoreRules) -> Iterator[LintWarning]:
    """Rules that take something back in may do so below what is named: then nobody can say."""
    rules = ignored.patterns
    if instruction.from_ or not rules or any(rule.startswith("!") for rule in rules):
        return
    for source in instruction.sources:
        path = posixpath.normpath(source)
        inner = path.lstrip("/")
        if inner in ("", "."):
            hidden = any(rule in _WHOLE_CONTEXT for rule in rules)
        else:
            hidden = "$" not in inner and "://" not in source and ignored.ignores(inner)
        if hidden:
            word = instruction.word.capitalize()
            what = f'Attempting to {word} file "{path}" that is excluded by .dockerignore'
            yield LintWarning("CopyIgnoredFile", what, instruction.location)
