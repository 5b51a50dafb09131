"""Creating a container for ``run`` and ``create``: id file, missing image, warnings."""

import os

from scow.api.client.client import version_key
from scow.api.client.errors import DaemonError
from scow.cli.exits import USAGE_STATUS, CommandError
from scow.cli.options.container_config import adapt_to_version, check_version, create_body
from scow.cli.patterns import Pattern
from scow.errors import InvalidArgumentError, ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_PULL_CHOICES = ("always", "missing", "never", "")
_NOT_FOUND = 404
_MAX_TAG = 128
_SOCKET_IN_CONTAINER = "/var/run/docker.sock"
_IDENTIFIER = Pattern(r"[a-f0-9]{64}")


def with_help(program: str, verb: str, message: str, status: int = USAGE_STATUS) -> CommandError:
    """An error of ``run`` or ``create`` with Docker's pointer to the help page."""
    return CommandError(f"{program}: {message}\n\nRun '{program} {verb} --help' for more information", status)


def read_body(invocation: "Invocation", flags: "Flags", verb: str) -> "dict[str, Any]":
    """The create body of the options. Raises CommandError with status 125."""
    try:
        _check_pull_choice(flags["pull"])
        # Where the engine listens decides which proxies count, so a wrong endpoint is found here.
        proxies = invocation.config.proxy_environment(invocation.endpoint().text)
        return create_body(flags, invocation.environ, proxies)
    except CommandError:
        raise
    except InvalidArgumentError as exc:
        raise with_help(invocation.program, verb, exc.message) from exc


def create_container(invocation: "Invocation", flags: "Flags", body: "dict[str, Any]") -> str:
    """Create it, after a pull if that is needed and allowed, and return the id; warnings are printed."""
    id_file = _IdFile(body["HostConfig"]["ContainerIDFile"])
    try:
        answer = _create(invocation, flags, body)
        for warning in [*(answer.get("Warnings") or ()), *_dns_warning(body)]:
            invocation.err.line("WARNING:", warning)
        container_id: str = answer["Id"]
        id_file.write(container_id)
        return container_id
    finally:
        id_file.close()


def _check_pull_choice(choice: str) -> None:
    if choice not in _PULL_CHOICES:
        raise InvalidArgumentError(
            f'invalid pull option: \'{choice}\': must be one of "always", "missing" or "never"'
        )


def _create(invocation: "Invocation", flags: "Flags", body: "dict[str, Any]") -> "dict[str, Any]":
    image = body["Image"]
    _check_image_name(image)
    client = invocation.client
    query = [("name", flags["name"])] if flags["name"] else []
    if flags["platform"] and client.supports("1.41"):
        query.append(("platform", _platform(flags["platform"])))
    if flags["use-api-socket"]:
        _mount_api_socket(invocation, body)
    if flags["pull"] == "always":
        _pull(invocation, flags, image)
    body["HostConfig"]["ConsoleSize"] = _console_size(invocation)
    check_version(body, client.version)
    adapt_to_version(body, version_key(client.version))
    try:
        answer: dict[str, Any] = client.post("/containers/create", query, body=body)
    except DaemonError as exc:
        if exc.status != _NOT_FOUND or flags["pull"] != "missing" or _IDENTIFIER.fullmatch(image):
            raise
        if not flags["quiet"]:
            invocation.err.line(f"Unable to find image '{_familiar(image)}' locally")
        _pull(invocation, flags, image)
        answer = client.post("/containers/create", query, body=body)
    return answer


def _check_image_name(image: str) -> None:
    if not (_is_plain(image) or _IDENTIFIER.fullmatch(image) or image.startswith("sha256:")):
        _familiar(image)


def _is_plain(image: str) -> bool:
    """Whether ``image`` is certainly well formed: words with one separator between, and perhaps a tag.

    Everything else goes through the whole grammar, whose module takes 10 ms to import.
    """
    name, colon, tag = image.partition(":")
    words = name.replace("_", ".").replace("-", ".").split(".")
    tag_characters = tag.replace("_", "").replace(".", "").replace("-", "")
    well_tagged = not colon or (tag[0:1].isalnum() and tag_characters.isalnum() and len(tag) <= _MAX_TAG)
    return image.isascii() and name == name.lower() and all(map(str.isalnum, words)) and well_tagged


def _familiar(image: str) -> str:
    from scow.spec.reference import parse_reference

    return parse_reference(image).familiar()


def _platform(text: str) -> str:
    from scow.spec.platform import host_platform, parse_platform

    try:
        platform = str(parse_platform(text))
    except ScowError as exc:
        raise InvalidArgumentError(f"error parsing specified platform: {exc.message}") from exc
    return platform if "/" in platform else f"{platform}/{host_platform(os.uname().machine).architecture}"


def _pull(invocation: "Invocation", flags: "Flags", image: str) -> None:
    from scow.cli.commands.image.pull import pull
    from scow.spec.reference import parse_reference

    reference = parse_reference(image)
    pull(invocation, reference, flags["platform"], quiet=flags["quiet"], to_errors=True)


def _console_size(invocation: "Invocation") -> list[int]:
    try:
        size = os.get_terminal_size(invocation.out.fd)
    except OSError:
        return [0, 0]
    return [size.lines, size.columns]


def _dns_warning(body: "dict[str, Any]") -> list[str]:
    for address in body["HostConfig"]["Dns"]:
        if address == "::1" or address.startswith("127."):
            return [f"Localhost DNS ({address}) may fail in containers."]
    return []


def _mount_api_socket(invocation: "Invocation", body: "dict[str, Any]") -> None:
    endpoint = invocation.endpoint()
    if endpoint.scheme != "unix":
        raise CommandError(
            "flag --use-api-socket can only be used with unix sockets: "
            f"docker endpoint {endpoint.text} incompatible"
        )
    mount = {"Type": "bind", "Source": endpoint.path, "Target": _SOCKET_IN_CONTAINER, "BindOptions": {}}
    body["HostConfig"].setdefault("Mounts", []).append(mount)


class _IdFile:
    """``--cidfile``: claimed before the container is made, removed again when that fails."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1
        self._written = False
        if not path:
            return
        if os.path.exists(path):
            raise CommandError(
                f"container ID file found, make sure the other container isn't running or delete {path}"
            )
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except OSError as exc:
            reason = f"open {path}: {(exc.strerror or '').lower()}"
            raise CommandError(f"failed to create the container ID file: {reason}") from exc

    def write(self, container_id: str) -> None:
        if self._fd >= 0:
            os.write(self._fd, container_id.encode())
            self._written = True

    def close(self) -> None:
        if self._fd < 0:
            return
        os.close(self._fd)
        if not self._written:
            os.unlink(self._path)
