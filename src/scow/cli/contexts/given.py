"""``--docker host=…,ca=…,cert=…,key=…``: an engine as ``context create`` and ``update`` are told of it."""

from scow.api.client.endpoint import parse_endpoint
from scow.cli.contexts.store import endpoint_of
from scow.cli.flags import Kind
from scow.cli.go_values import parse_bool, quote
from scow.cli.options.csv_fields import split_fields
from scow.errors import InvalidArgumentError, ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from scow.cli.contexts.store import Metadata

_FILES = {"ca": "ca.pem", "cert": "cert.pem", "key": "key.pem"}
_SOCKETS = ("unix://", "fd://", "npipe://", "ssh://")
_SKIP_VERIFY = "skip-tls-verify"
_KEYS = ("from", "host", *_FILES, _SKIP_VERIFY)
HELP = """\
Docker endpoint config:

NAME                DESCRIPTION
from                Copy named context's Docker endpoint configuration
host                Docker endpoint on which to connect
ca                  Trust certs signed only by this CA
cert                Path to TLS certificate file
key                 Path to TLS key file
skip-tls-verify     Skip TLS certificate validation

Example:

$ docker context {verb} my-context --description "some description" --docker \
"host=tcp://myserver:2376,ca=~/ca-file,cert=~/cert-file,key=~/key-file"\
"""


def _parse_pairs(text: str) -> dict[str, str]:
    pairs = {}
    for field in split_fields(text) if text else [""]:
        key, equals, value = field.partition("=")
        if not equals:
            raise InvalidArgumentError(f"{field} must be formatted as key=value")
        pairs[key] = value
    return pairs


PAIRS = Kind("stringToString", _parse_pairs, zero=dict, combine=dict.__or__, empty_text="[]")


def given_endpoint(
    config: dict[str, str], known: "Callable[[str], Metadata]"
) -> "tuple[dict[str, Any], dict[str, bytes]]":
    """What is stored of the engine, and its keys by file name.

    ``known`` finds another context. Raises InvalidArgumentError in Docker's words.
    """
    try:
        return _endpoint(config, known)
    except ScowError as exc:
        raise InvalidArgumentError(f"unable to create docker endpoint config: {exc.message}") from exc


def _endpoint(
    config: dict[str, str], known: "Callable[[str], Metadata]"
) -> "tuple[dict[str, Any], dict[str, bytes]]":
    if wrong := [key for key in config if key not in _KEYS]:
        raise InvalidArgumentError("\n".join(f"unrecognized config key: {key}" for key in wrong))
    if "from" in config:
        return dict(endpoint_of(known(config["from"]))), {}
    files = {file: _read(config[key]) for key, file in _FILES.items() if config.get(key)}
    skip = _switch(config)
    host = config.get("host", "")
    if host:
        _check(host)
    if not host.startswith(_SOCKETS):
        _check_keys(config)
    return {**({"Host": host} if host else {}), "SkipTLSVerify": skip}, files


def _switch(config: dict[str, str]) -> bool:
    if _SKIP_VERIFY not in config:
        return False
    try:
        return parse_bool(config[_SKIP_VERIFY])
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(
            f"{_SKIP_VERIFY}: parsing {quote(config[_SKIP_VERIFY])}: invalid syntax"
        ) from exc


def _check(host: str) -> None:
    if host.startswith("ssh://"):
        try:
            parse_endpoint(host)
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(f"invalid docker endpoint options: {exc.message}") from exc
    elif not host.partition("://")[2]:
        raise InvalidArgumentError(
            f"unable to apply docker endpoint options: unable to parse docker host `{host}`"
        )


def _check_keys(config: dict[str, str]) -> None:
    ca, certificate, key = (config.get(name, "") for name in _FILES)
    problem = ""
    if ca and not _opens(ca, ""):
        problem = "failed to retrieve context tls info: ca.pem seems invalid"
    elif certificate and key and b"-----BEGIN " not in _read(key):
        problem = "no valid private key found"
    elif certificate and key and not _opens(certificate, key):
        problem = "failed to retrieve context tls info: certificate and key do not fit"
    if problem:
        raise InvalidArgumentError(f"invalid docker endpoint options: {problem}")


def _opens(certificate: str, key: str) -> bool:
    """Whether these are a certificate of an authority, or one with its key."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if key:
            context.load_cert_chain(certificate, key)
        else:
            context.load_verify_locations(certificate)
    except (OSError, ssl.SSLError):
        return False
    return True


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as exc:
        raise InvalidArgumentError(f"open {path}: {(exc.strerror or str(exc)).lower()}") from exc
