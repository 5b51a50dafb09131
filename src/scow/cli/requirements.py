"""Commands and options that not every engine has."""

from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from scow.cli.command import Command
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def check_engine_has(invocation: "Invocation", command: "Command", options: "Flags") -> None:
    """Raise CommandError for what the engine is too old for, or what is for another kind of engine."""
    client = invocation.client
    path = f"{invocation.program} {invocation.command_name}"
    if command.since and not client.supports(command.since):
        raise CommandError(
            f"{path} requires API version {command.since}, "
            f"but the Docker daemon API version is {client.version}"
        )
    if command.experimental and not _is_experimental(invocation):
        raise CommandError(f"{path} is only supported on a Docker daemon with experimental features enabled")
    problems = list(_missing_options(invocation, command, options))
    if problems:
        raise CommandError("\n".join(problems))


def _is_experimental(invocation: "Invocation") -> bool:
    assert invocation.client.version  # asks the engine
    # An engine that does not answer is reported by the request that follows.
    return invocation.client.server_headers.get("docker-experimental", "true") == "true"


def _missing_options(invocation: "Invocation", command: "Command", options: "Flags") -> "Iterator[str]":
    client = invocation.client
    version = client.version
    for flag in command.flags:
        if flag.name not in options.changed:
            continue
        if flag.since and not client.supports(flag.since):
            yield (
                f'"--{flag.name}" requires API version {flag.since}, '
                f"but the Docker daemon API version is {version}"
            )
        if flag.experimental and not _is_experimental(invocation):
            yield f'"--{flag.name}" is only supported on a Docker daemon with experimental features enabled'
        if flag.server_os and client.server_headers.get("ostype", flag.server_os) != flag.server_os:
            yield (
                f'"--{flag.name}" is only supported on a Docker daemon running on {flag.server_os}, '
                f"but the Docker daemon is running on {client.server_headers['ostype']}"
            )
