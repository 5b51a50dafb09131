"""Rules that look at a Dockerfile as it is written, all of it, whatever is to be built."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from scow.build.checks.findings import Findings
from scow.build.dockerfile.instructions import Stage
from scow.build.dockerfile.parser import Dockerfile
from scow.build.dockerfile.source import Location
from scow.build.dockerfile.statements import Statement
from scow.build.evaluate.variables import Scope
from scow.errors import InvalidArgumentError
from scow.spec.reference import parse_reference

_RESERVED = ("scratch", "context")
_FROM_WITH_NAME = 3


def check_statements(statements: Sequence[Statement], findings: Findings) -> None:
    """What can be said of each instruction by itself."""
    for statement in statements:
        if line := statement.line.empty_continuation:
            findings.add("NoEmptyContinuation", "Empty continuation line", Location(line, line))
    for statement in statements:
        for rule, what in _of_statement(statement):
            findings.add(rule, what, statement.location, statement.line.comments)


def check_stages(dockerfile: Dockerfile, findings: Findings) -> None:
    """Names of stages, and how instructions are written."""
    _check_names(dockerfile.stages, findings)
    _check_casing(dockerfile.statements, findings)


def check_default_bases(dockerfile: Dockerfile, predefined: Mapping[str, str], findings: Findings) -> None:
    """Whether images could be found without any build argument. ``predefined`` are the platform's."""
    scope = Scope({}, {}, dockerfile.directives.escape, arguments=dict(predefined))
    try:
        for argument in dockerfile.arguments:
            for name, default in argument.arguments:
                if default is not None:
                    scope.arguments[name] = scope.expand(default)
        for stage in dockerfile.stages:
            if not _is_reference(scope.expand(stage.base)):
                what = f"Default value for ARG {stage.base} results in empty or invalid base image name"
                findings.add("InvalidDefaultArgInFrom", what, stage.location)
    except InvalidArgumentError:
        return  # who evaluates it says so


def _is_reference(text: str) -> bool:
    try:
        parse_reference(text)
    except InvalidArgumentError:
        return False
    return True


def _of_statement(statement: Statement) -> Iterator[tuple[str, str]]:
    match statement.keyword:
        case "maintainer":
            yield "MaintainerDeprecated", "Maintainer instruction is deprecated in favor of using label"
        case "from":
            yield from _of_from(statement)
        case "arg":
            names = [word.partition("=")[0] for word in statement.values]
            yield from _description("ARG", names, statement.line.comments)


def _of_from(statement: Statement) -> Iterator[tuple[str, str]]:
    word, values = statement.word, statement.values
    if len(values) != _FROM_WITH_NAME:
        return
    _, as_word, name = values
    if name != name.lower():
        yield "StageNameCasing", f"Stage name '{name}' should be lowercase"
    if word in (word.lower(), word.upper()):
        wanted = as_word.lower() if word == word.lower() else as_word.upper()
        if as_word != wanted:
            yield "FromAsCasing", f"'{as_word}' and '{word}' keywords' casing do not match"
    yield from _description("FROM", [name.lower()], statement.line.comments)


def _description(word: str, names: Sequence[str], comments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """A comment right above a stage or argument is its description, and begins with its name."""
    if not comments or not names or comments[-1].split(" ")[0] in names:
        return
    example = names[0] if len(names) == 1 else "<arg_key>"
    what = f"Comment for {word} should follow the format: `# {example} <description>`"
    yield "InvalidDefinitionDescription", what


def _check_names(stages: Sequence[Stage], findings: Findings) -> None:
    seen: set[str] = set()
    for stage in stages:
        if stage.name in _RESERVED:
            what = f'Stage name should not use the same name as reserved stage "{stage.name}"'
            findings.add("ReservedStageName", what, stage.location)
        if stage.name and stage.name in seen:
            what = f'Duplicate stage name "{stage.name}", stage names should be unique'
            findings.add("DuplicateStageName", what, stage.location)
        seen.add(stage.name)


def _check_casing(statements: Sequence[Statement], findings: Findings) -> None:
    """Of what belongs to stages: arguments before the first one do not."""
    first = next(number for number, it in enumerate(statements) if it.keyword == "from")
    counted = Counter(
        "lower" if it.word.islower() else "upper"
        for it in statements[first:]
        if it.word.islower() or it.word.isupper()
    )
    majority = "lowercase" if counted["lower"] > counted["upper"] else "uppercase"
    for statement in statements[first:]:
        word = statement.word
        if word != (word.lower() if majority == "lowercase" else word.upper()):
            what = f"Command '{word}' should match the case of the command majority ({majority})"
            findings.add("ConsistentInstructionCasing", what, statement.location)
