"""``scow login``."""

import os
import sys

from scow.api.client.errors import DaemonError
from scow.cli.command import Command, at_most
from scow.cli.credentials import HUB_KEY, Credentials, registry_key
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, STRING, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_HUB_HINT = (
    "Log in with your Docker ID or email address to push and pull images from Docker Hub. If you don't have "
    "a Docker ID, head over to https://hub.docker.com/ to create one."
)

_KNOWN = """Authenticating with existing credentials... [Username: {name}]

 Info -> To login with a different account, run '{program} logout' followed by '{program} login'


"""


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Proves a name and a password to a registry and keeps them; the engine asks the registry."""
    name, password = _given(invocation, flags)
    key = registry_key(flags.arguments[0] if flags.arguments else "")
    credentials = Credentials(invocation)
    known = {} if name or password else _known(credentials, key)
    if known.get("username") and known.get("password"):
        invocation.err.write(_KNOWN.format(name=known["username"], program=invocation.program))
        try:
            _login(invocation, credentials, key, known["username"], known["password"])
            return
        except DaemonError as exc:
            invocation.err.line(f"Login did not succeed, error: {exc}")
    name, password = _asked(invocation, key, name, password, known.get("username", ""))
    _login(invocation, credentials, key, name, password)


def _known(credentials: Credentials, key: str) -> "dict[str, str]":
    try:
        return credentials.get(key)
    except CommandError:
        return {}


def _given(invocation: "Invocation", flags: "Flags") -> tuple[str, str]:
    name, password = flags["username"], flags["password"]
    if flags["password-stdin"]:
        if password:
            raise CommandError("conflicting options: cannot specify both --password and --password-stdin")
        if "username" not in flags.changed:
            raise CommandError("the --password-stdin option requires --username to be set")
    if "username" in flags.changed and not name:
        raise CommandError("username is empty")
    if "password" in flags.changed and not password:
        raise CommandError("password is empty")
    if password:
        invocation.err.line("WARNING! Using --password via the CLI is insecure. Use --password-stdin.")
    if flags["password-stdin"]:
        password = sys.stdin.read().removesuffix("\n").removesuffix("\r")
        if not password.strip():
            raise CommandError("password is empty")
    return name, password


def _asked(invocation: "Invocation", key: str, name: str, password: str, default: str) -> tuple[str, str]:
    if name and password:
        return name, password
    if not os.isatty(0):
        raise CommandError("Error: Cannot perform an interactive login from a non TTY device")
    if not name:
        if key == HUB_KEY:
            invocation.out.line(_HUB_HINT)
        invocation.out.write(f"Username ({default}): " if default else "Username: ")
        name = sys.stdin.readline().strip() or default
        if not name:
            raise CommandError("error: username is required")
    if not password:
        import getpass

        password = getpass.getpass("Password: ")
        if not password:
            raise CommandError("error: password is required")
    return name, password


def _login(invocation: "Invocation", credentials: Credentials, key: str, name: str, password: str) -> None:
    auth = {"username": name, "password": password, "serveraddress": key}
    answer = invocation.client.post("/auth", body=auth)
    if answer.get("IdentityToken"):
        auth.update(password="", identitytoken=answer["IdentityToken"])
    try:
        credentials.store(key, auth)
    except CommandError as exc:
        raise CommandError(f"Error saving credentials: {exc}") from exc
    if answer.get("Status"):
        invocation.out.line(answer["Status"])


COMMAND = Command(
    run,
    "[OPTIONS] [SERVER]",
    "Authenticate to a registry",
    flags=(
        Flag("username", STRING, "Username", short="u"),
        Flag("password", STRING, "Password or Personal Access Token (PAT)", short="p"),
        Flag("password-stdin", BOOL, "Take the Password or Personal Access Token (PAT) from stdin"),
    ),
    arguments=at_most(1),
    long="Authenticate to a registry.\nDefaults to Docker Hub if no server is specified.",
)
