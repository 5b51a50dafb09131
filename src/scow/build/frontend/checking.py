"""Build checks in a build, and in place of one: ``frontend.lint`` is BuildKit's name for that."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from scow.build.checks.answer import Answer
from scow.build.checks.dockerfile_checks import DockerfileChecks, settings_of
from scow.build.checks.findings import Findings
from scow.build.checks.rules import LintWarning
from scow.build.checks.text import check_statements
from scow.build.dockerfile.directives import read_directives
from scow.build.dockerfile.parser import Dockerfile, parse_dockerfile
from scow.build.dockerfile.source import DockerfileError, Location, Source
from scow.build.dockerfile.statements import read_statements
from scow.build.evaluate.base import Resolver
from scow.build.evaluate.evaluator import Evaluator
from scow.build.evaluate.options import Options
from scow.build.evaluate.variables import platform_arguments
from scow.errors import InvalidArgumentError, ScowError
from scow.spec.ignore_rules import IgnoreRules
from scow.tasks import run_blocking

LINT = "frontend.lint"
_LARGE_CHARACTERS = 50_000
_MANY_STATEMENTS = 1_000
"""A few milliseconds of work; there are Dockerfiles that take seconds."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A Dockerfile that has been read, and who looks on while it is evaluated."""

    dockerfile: Dockerfile
    findings: Findings
    checks: DockerfileChecks


async def parsed(text: str, name: str) -> Dockerfile:
    """See ``parse_dockerfile``; a large one is for another thread. Raises DockerfileError."""
    if len(text) < _LARGE_CHARACTERS:
        return parse_dockerfile(text, name)
    return await run_blocking(parse_dockerfile, text, name)


async def read_checked(
    text: str, name: str, build_arguments: Mapping[str, str], tell: Callable[[LintWarning], None]
) -> Checked:
    """``tell`` hears of what is found, in a Dockerfile with a mistake of what is before that.

    Raises DockerfileError, InvalidArgumentError for settings that cannot be.
    """
    findings = Findings(settings_of(read_directives(Source.of(text, name)).check, build_arguments), tell)
    try:
        dockerfile = await parsed(text, name)
    except DockerfileError as exc:
        if exc.names_line:
            _, statements = await run_blocking(read_statements, Source.of(text, name))
            check_statements([it for it in statements if it.location.start < exc.location.start], findings)
        raise
    return Checked(dockerfile, findings, DockerfileChecks(dockerfile, findings))


async def check_text(
    read: Checked, predefined: Mapping[str, str], tell: Callable[[LintWarning], None]
) -> None:
    """See ``DockerfileChecks.check_text``; many instructions are for another thread."""
    if len(read.dockerfile.statements) < _MANY_STATEMENTS:
        read.checks.check_text(predefined)
        return
    kept: list[LintWarning] = []
    read.findings.tell_to(kept.append)
    await run_blocking(read.checks.check_text, predefined)
    read.findings.tell_to(tell)
    for warning in kept:
        tell(warning)


async def check_only(
    text: str,
    name: str,
    options: Options,
    resolver: Resolver,
    ignore_rules: Callable[[], Awaitable[IgnoreRules]],
) -> Answer:
    """What is found in a Dockerfile: in its target, or in all of it if that is not said; a mistake, too.

    Raises InvalidArgumentError for settings of the build itself that cannot be.
    """
    settings_of("", options.build_arguments)
    warnings: list[LintWarning] = []
    evaluator: Evaluator | None = None
    try:
        read = await read_checked(text, name, options.build_arguments, warnings.append)
        predefined = platform_arguments(options.build_platform, options.platform, options.target)
        await check_text(read, predefined, warnings.append)
        evaluator = Evaluator(read.dockerfile, options, resolver, read.checks)
        await _evaluate(evaluator, options.target, read.checks, ignore_rules)
        if read.findings.failure:
            raise InvalidArgumentError(read.findings.failure)
    except ScowError as exc:
        place: Location | None = exc.location if isinstance(exc, DockerfileError) else None
        if evaluator is not None and place is None:
            place = evaluator.unresolved
        return Answer(name, text, tuple(warnings), exc.message, place)
    return Answer(name, text, tuple(warnings))


async def _evaluate(
    evaluator: Evaluator,
    target: str,
    checks: DockerfileChecks,
    ignore_rules: Callable[[], Awaitable[IgnoreRules]],
) -> None:
    stages = range(len(evaluator.dockerfile.stages))
    wanted = evaluator.needed(evaluator.target_index()) if target else list(stages)
    await evaluator.find_bases(wanted)
    checks.ignored = await ignore_rules()
    for index in wanted:
        await evaluator.finished(index)
