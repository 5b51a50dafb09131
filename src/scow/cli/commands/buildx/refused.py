"""Verbs of buildx that this program does not do; each says so."""

from scow.cli.command import Command
from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def _dap(_invocation: "Invocation", _flags: "Flags") -> None:
    """An editor steps through a Dockerfile; steps of our graph run when they can, not one by one."""
    raise CommandError("ERROR: the debug adapter protocol is not supported; see 'buildx debug build'")


def _policy(_invocation: "Invocation", _flags: "Flags") -> None:
    """Policies are programs in Rego, which would need an evaluator of that language."""
    raise CommandError("ERROR: build policies are not supported")


DAP = Command(
    _dap,
    "build [OPTIONS] PATH | URL | -",
    "Start debug adapter protocol compatible debugger",
    arguments=lambda _count: None,
    interspersed=False,
)
POLICY = Command(
    _policy,
    "eval|test [OPTIONS] …",
    "Commands for working with build policies",
    arguments=lambda _count: None,
    interspersed=False,
)
