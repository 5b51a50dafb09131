"""A token server for Debian's docker-registry (distribution docs, spec/auth/token.md and oauth.md).

One user, who may do everything; nobody else gets any access. Run as a program in the engine's network:

    python -m tests.support.token_server PORT FOLDER

FOLDER has key.pem and cert.pem; what was asked is kept there in ``asked``, one JSON object a line.
"""

import base64
import json
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

USER, PASSWORD = "user", "secret"
REFRESH = "a-refresh-token"
SERVICE, ISSUER = "tests-registry", "tests-issuer"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def make_key(folder: Path) -> None:
    """A key and a certificate that signs itself; the registry trusts it as ``rootcertbundle``."""
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "1",
                "-subj",
                "/CN=tokens",
            ),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )


def token(folder: Path, access: list[dict[str, Any]]) -> str:
    """A signed JWT that grants ``access``."""
    der = subprocess.run(
        ["openssl", "x509", "-in", str(folder / "cert.pem"), "-outform", "DER"],
        check=True,
        capture_output=True,
    ).stdout
    now = int(time.time())
    header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
    claims = {
        "iss": ISSUER,
        "sub": USER,
        "aud": SERVICE,
        "jti": str(now),
        "access": access,
        "nbf": now - 10,
        "iat": now,
        "exp": now + 300,
    }
    signed = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
    signature = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", str(folder / "key.pem")],
        input=signed.encode(),
        check=True,
        capture_output=True,
    ).stdout
    return f"{signed}.{_base64url(signature)}"


def _access(scopes: list[str]) -> list[dict[str, Any]]:
    found = []
    for scope in " ".join(scopes).split():
        kind, name, actions = scope.split(":")
        found.append({"type": kind, "name": name, "actions": actions.split(",")})
    return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: Path

    def do_GET(self) -> None:
        self._answer(parse_qs(urlsplit(self.path).query))

    def do_POST(self) -> None:
        self._answer(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))

    def _answer(self, asked: dict[str, list[str]]) -> None:
        with (self.folder / "asked").open("a") as log:
            log.write(json.dumps({"method": self.command, **asked}) + "\n")
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        known = self.headers.get("Authorization") == f"Basic {basic}"
        if self.command == "POST":
            known = asked.get("refresh_token") == [REFRESH] and asked.get("grant_type") == ["refresh_token"]
        elif "Authorization" in self.headers and not known:
            self._send(
                401, {"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]}
            )
            return
        # OAuth's answers have another name for it.
        member = "access_token" if self.command == "POST" else "token"
        answer = {member: token(self.folder, _access(asked.get("scope", [])) if known else [])}
        if known and asked.get("offline_token") == ["true"]:
            answer["refresh_token"] = REFRESH
        self._send(200, answer)

    def _send(self, status: int, document: object) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Quiet."""


def main() -> None:
    port, folder = sys.argv[1:]
    _Handler.folder = Path(folder)
    ThreadingHTTPServer(("127.0.0.1", int(port)), _Handler).serve_forever()


if __name__ == "__main__":
    main()
