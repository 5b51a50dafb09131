"""Logins to registries: in ``config.json``, or with a helper program that the file names.

    auths         {registry: {"auth": base64 of name:password, "identitytoken": …}}
    credHelpers   {registry: helper}
    credsStore    the helper of all other registries

With a helper the entry in ``auths`` is empty: it tells that there is a login, and a build which to ask for.

A helper is the program ``docker-credential-<name>``, called with a verb and spoken to by standard input
and output (docker-credential-helpers, "Credentials helpers"). Docker Hub has a key of its own.
"""

import os
from binascii import a2b_base64, b2a_base64

from scow.api.client.json_text import dumps, loads
from scow.cli.exits import CommandError
from scow.cli.settings_file import read_settings, write_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.invocation import Invocation

HUB_KEY = "https://index.docker.io/v1/"
_TOKEN_NAME = "<token>"
_HELPER_TIMEOUT_S = 60
_UNENCRYPTED = """
WARNING! Your credentials are stored unencrypted in '{path}'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/

"""


def registry_key(server: str) -> str:
    """The key of a registry's entry: its host, or Docker Hub's address."""
    from scow.spec.reference import DEFAULT_REGISTRY

    if server in ("", DEFAULT_REGISTRY, HUB_KEY):
        return HUB_KEY
    bare = server.partition("://")[2] or server
    return bare.partition("/")[0]


def auth_header(invocation: "Invocation", image: str) -> dict[str, str]:
    """``X-Registry-Auth`` for pulling or pushing ``image``."""
    from scow.spec.reference import parse_reference

    key = registry_key(parse_reference(image, default_tag=False).registry)
    try:
        auth = Credentials(invocation).get(key)
    except CommandError:
        # Nobody needs a login for what everybody may have: the registry says if it wants one.
        auth = {}
    return {"X-Registry-Auth": encoded_auth(auth)}


def encoded_auth(auth: "dict[str, Any]") -> str:
    """A login as a header's value."""
    import base64

    return base64.urlsafe_b64encode(dumps(auth).encode()).decode()


def registry_config_header(invocation: "Invocation") -> dict[str, str]:
    """``X-Registry-Config`` for a build: every login, as nobody knows which images it will need."""
    auths = Credentials(invocation).all()
    return {"X-Registry-Config": encoded_auth(auths)} if auths else {}


class Credentials:
    """One person's logins."""

    def __init__(self, invocation: "Invocation") -> None:
        self._invocation = invocation
        self._path = os.path.join(invocation.config_directory, "config.json")

    def get(self, key: str) -> "dict[str, str]":
        """The login for a registry, as the API wants it; empty if there is none. Raises CommandError."""
        helper = self._helper(key)
        if helper:
            return self._ask_helper(helper, key)
        entry = self._invocation.config.registry_auth(key)
        name, password = _decode(entry)
        found = {
            "username": name or entry.get("username", ""),
            "password": password or entry.get("password", ""),
            "identitytoken": entry.get("identitytoken", ""),
            "registrytoken": entry.get("registrytoken", ""),
            "serveraddress": key,
        }
        kept = {field: value for field, value in found.items() if value}
        return kept if len(kept) > 1 else {}

    def all(self) -> "dict[str, dict[str, str]]":
        """Every login that the file names, by registry. Raises CommandError."""
        found = {key: self.get(key) for key in self._invocation.config.registries()}
        return {key: auth for key, auth in found.items() if auth}

    def store(self, key: str, auth: "dict[str, str]") -> None:
        """Keep a login; says so where it is not encrypted. Raises CommandError."""
        helper = self._helper(key)
        if helper:
            token = auth.get("identitytoken", "")
            document = {
                "ServerURL": key,
                "Username": _TOKEN_NAME if token else auth.get("username", ""),
                "Secret": token or auth.get("password", ""),
            }
            _run_helper(helper, "store", dumps(document).encode())
            self._set_entry(key, {})
            return
        pair = f"{auth.get('username', '')}:{auth.get('password', '')}"
        entry = {"auth": b2a_base64(pair.encode(), newline=False).decode()}
        if auth.get("identitytoken"):
            entry["identitytoken"] = auth["identitytoken"]
        if self._invocation.config.registry_auth(key) == entry:
            return
        self._set_entry(key, entry)
        if "identitytoken" not in entry:
            self._invocation.err.write(_UNENCRYPTED.format(path=self._path))

    def erase(self, key: str) -> None:
        """Forget a login. Raises CommandError."""
        helper = self._helper(key)
        if helper:
            _run_helper(helper, "erase", key.encode())
        self._remove_entry(key)

    def _set_entry(self, key: str, entry: "dict[str, str]") -> None:
        values = read_settings(self._path)
        values.setdefault("auths", {})[key] = entry
        write_settings(self._path, values)

    def _remove_entry(self, key: str) -> None:
        values = read_settings(self._path)
        entries = values.get("auths")
        if isinstance(entries, dict) and key in entries:
            del entries[key]
            write_settings(self._path, values)

    def _helper(self, key: str) -> str:
        config = self._invocation.config
        return config.mapping("credHelpers").get(key) or config.text("credsStore")

    def _ask_helper(self, helper: str, key: str) -> "dict[str, str]":
        answer = _run_helper(helper, "get", key.encode(), missing_is_none=True)
        if answer is None:
            return {}
        try:
            document = loads(answer)
            name, secret = str(document["Username"]), str(document["Secret"])
        except (ValueError, KeyError, TypeError) as exc:
            raise CommandError(
                f"error getting credentials - docker-credential-{helper} gave no JSON"
            ) from exc
        if name == _TOKEN_NAME:
            return {"identitytoken": secret, "serveraddress": key}
        return {"username": name, "password": secret, "serveraddress": key}


def _decode(entry: "dict[str, Any]") -> tuple[str, str]:
    text = entry.get("auth")
    if not isinstance(text, str) or not text:
        return "", ""
    try:
        name, _, password = a2b_base64(text).decode().partition(":")
    except ValueError as exc:
        raise CommandError(f"Invalid auth configuration file: {exc}") from exc
    return name, password.rstrip("\0")


def _run_helper(helper: str, verb: str, data: bytes, *, missing_is_none: bool = False) -> bytes | None:
    import subprocess  # 8 ms, and most have no helper

    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run([program, verb], input=data, capture_output=True, timeout=_HELPER_TIMEOUT_S)
    except FileNotFoundError as exc:
        raise CommandError(
            f'error {_DOING[verb]} credentials - err: exec: "{program}": executable file not found in $PATH, '
            "out: ``"
        ) from exc
    except subprocess.TimeoutExpired as exc:
        raise CommandError(f"{program} {verb} does not end") from exc
    if done.returncode == 0:
        return done.stdout
    out = done.stdout.decode(errors="replace").strip()
    if missing_is_none and "credentials not found" in out:
        return None
    raise CommandError(f"error {_DOING[verb]} credentials - err: exit status {done.returncode}, out: `{out}`")


_DOING = {"get": "getting", "store": "storing", "erase": "erasing"}
