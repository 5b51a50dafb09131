"""What a build says of its steps beside what decides their results."""

from dataclasses import dataclass, field

from scow.runtime.program_run import Limits

USUAL_HOSTNAME = "buildkitsandbox"
"""The same in all of BuildKit's builds, for what a program makes of it is to be the same."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a build says of all its steps. ``hosts`` are ``name:address``; ``proxies`` are variables that
    every program gets and no key has. ``as_buildkit``: a pattern that matches nothing copies nothing, owners
    that are not among the accounts are root, and a program that cannot be started has failed; the classic
    builder refuses all that. ``hostname`` is what programs see, empty for that of their container.
    """

    network: str = "default"
    hosts: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    security_options: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    epoch_s: int | None = None
    hostname: str = ""
    as_buildkit: bool = True
