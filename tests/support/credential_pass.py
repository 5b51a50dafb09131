"""A credential helper that keeps passwords with pass(1): Docker's helper protocol on its standard streams.

    python -m tests.support.credential_pass get | store | erase | list

Each is kept as docker-credential-helpers/<base64 of the server>/<user>, as Docker's own helper does.
"""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

_FOLDER = "docker-credential-helpers"


def _pass(*argv: str, text: str = "") -> str:
    return subprocess.run(["pass", *argv], input=text, capture_output=True, text=True, check=True).stdout


def _entry(server: str) -> str:
    return f"{_FOLDER}/{base64.urlsafe_b64encode(server.encode()).decode()}"


def _users(entry: str) -> list[str]:
    folder = Path(os.environ["PASSWORD_STORE_DIR"]) / entry
    return [path.stem for path in folder.glob("*.gpg")]


def main() -> None:
    verb, said = sys.argv[1], sys.stdin.read()
    if verb == "store":
        given = json.loads(said)
        _pass("insert", "-m", "-f", f"{_entry(given['ServerURL'])}/{given['Username']}", text=given["Secret"])
        return
    server = said.strip()
    users = _users(_entry(server))
    if verb == "get":
        if not users:
            sys.exit(print("credentials not found in native keychain") or 1)
        secret = _pass("show", f"{_entry(server)}/{users[0]}").rstrip("\n")
        print(json.dumps({"ServerURL": server, "Username": users[0], "Secret": secret}))
    elif verb == "erase":
        if users:
            _pass("rm", "-r", "-f", _entry(server))
    else:
        entries = Path(os.environ["PASSWORD_STORE_DIR"], _FOLDER).iterdir()
        found = {base64.urlsafe_b64decode(it.name).decode(): it for it in entries}
        print(json.dumps({name: _users(f"{_FOLDER}/{it.name}")[0] for name, it in found.items()}))


if __name__ == "__main__":
    main()
