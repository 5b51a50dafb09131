"""Proof of who we are: Basic, or a token from the server that the registry names.

Docker's token protocol (distribution docs, spec/auth/token.md; oauth.md for identity tokens): the registry
answers 401 with a realm, a service and a scope; the realm gives a token for them.
"""

import json
from urllib.parse import urlencode, urlsplit

from scow.distribution.challenge import Challenge
from scow.distribution.credentials import Credentials
from scow.distribution.failures import MAX_BODY_BYTES, error_of
from scow.distribution.transport import Transport
from scow.errors import ScowError, UnauthenticatedError

_CLIENT_ID = "scow"
_MAX_TOKEN_BYTES = 256 << 10


class Authorizer:
    """Answers challenges with one set of credentials, or as nobody."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self.identity_token = ""
        """What a login may keep instead of a password, if the token server gave one."""

    def __call__(self, transport: Transport, challenges: list[Challenge], scope: str) -> str | None:
        """The ``Authorization`` to try for ``scope``; ``None`` if there is nothing (else) to try.

        Raises UnauthenticatedError if the credentials are refused, UnavailableError.
        """
        if self._credentials.registry_token:
            return f"Bearer {self._credentials.registry_token}"
        for challenge in challenges:
            if challenge.scheme == "bearer" and challenge.parameters.get("realm"):
                return f"Bearer {self._token(transport, challenge.parameters, scope)}"
            if challenge.scheme == "basic":
                if not self._credentials.username:
                    raise UnauthenticatedError("no basic auth credentials")
                return self._credentials.basic()
        return None

    def _token(self, transport: Transport, parameters: dict[str, str], scope: str) -> str:
        service, scope = parameters.get("service", ""), scope or parameters.get("scope", "")
        realm = parameters["realm"]
        if self._credentials.identity_token:
            form = [
                ("service", service),
                ("scope", scope),
                ("grant_type", "refresh_token"),
                ("refresh_token", self._credentials.identity_token),
                ("client_id", _CLIENT_ID),
            ]
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            reply = transport.ask("POST", realm, headers, urlencode(form).encode())
        else:
            # One parameter a scope: what token servers read since there are mounts.
            query = [("service", service)] if service else []
            query += [("scope", each) for each in scope.split()]
            headers = {}
            if self._credentials.username:
                query += [
                    ("account", self._credentials.username),
                    ("client_id", _CLIENT_ID),
                    ("offline_token", "true"),
                ]
                headers["Authorization"] = self._credentials.basic()
            mark = "&" if urlsplit(realm).query else "?"
            reply = transport.ask("GET", f"{realm}{mark}{urlencode(query)}", headers)
        if reply.status != 200:
            raise error_of(reply.status, reply.read(MAX_BODY_BYTES), f"the token server {realm}")
        return self._read_token(realm, reply.read(_MAX_TOKEN_BYTES))

    def _read_token(self, realm: str, data: bytes) -> str:
        try:
            document = json.loads(data)
            token = document.get("token") or document.get("access_token")
        except (ValueError, RecursionError, AttributeError) as exc:
            raise ScowError(f"the token server {realm} gave no JSON") from exc
        if not isinstance(token, str) or not token.isprintable():
            raise ScowError("authorization server did not include a token in the response")
        refresh = document.get("refresh_token")
        if isinstance(refresh, str):
            self.identity_token = refresh
        return token
