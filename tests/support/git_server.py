"""Repositories over HTTP, as a hosting service serves them: git-http-backend(1) behind a small server.

Run as a program in the engine's network: ``python -m tests.support.git_server ROOT PORT [TOKEN]``. With a
token the repositories are private, as GitHub's are: user ``x-access-token`` and the token as the password.
"""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.environment import clean_environment
from tests.support.namespaces import NetworkNamespace
from tests.support.waiting import wait_until

_IDENTITY = {
    "GIT_AUTHOR_NAME": "tests", "GIT_AUTHOR_EMAIL": "tests@localhost", "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_NAME": "tests", "GIT_COMMITTER_EMAIL": "tests@localhost",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
}  # fmt: skip


class Repository:
    """A working tree, whose ``.git`` is what is served."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.git("config", "http.uploadpack", "true")

    def git(self, *arguments: str) -> str:
        """What git wrote."""
        env = clean_environment(self.path) | _IDENTITY | {"GIT_CONFIG_GLOBAL": "/dev/null"}
        done = subprocess.run(
            ["git", "-c", "protocol.file.allow=always", *arguments],
            cwd=self.path, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, files: dict[str, str], tag: str = "") -> str:
        """Add files and commit; the commit's name."""
        for name, text in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "a commit")
        if tag:
            self.git("tag", tag)
        return self.git("rev-parse", "HEAD")


@contextmanager
def git_server(root: Path, namespace: NetworkNamespace, port: int, token: str = "") -> Iterator[str]:
    """Serve ``root``, where ``x/.git`` is ``/x/.git``; the address without a path."""
    argv = [sys.executable, "-m", "tests.support.git_server", str(root), str(port), token]
    env = clean_environment(root) | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(namespace.command(*argv), env=env, stdin=subprocess.DEVNULL)
    try:
        wait_until(
            lambda: namespace.run("bash", "-c", f"</dev/tcp/127.0.0.1/{port}").returncode == 0,
            "the git server",
        )
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


class _Handler(BaseHTTPRequestHandler):
    root = token = ""

    def log_message(self, *_arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._serve(body)

    def _serve(self, body: bytes) -> None:
        wanted = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        if self.token and self.headers.get("Authorization", "").lower() != f"basic {wanted}".lower():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="tests"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        env = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": self.root, "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "REMOTE_ADDR": "127.0.0.1",
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
        }  # fmt: skip
        head, _, content = subprocess.run(
            ["git", "http-backend"], env=env, input=body, capture_output=True, check=True
        ).stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _main(root: str, port: str, token: str) -> None:
    _Handler.root, _Handler.token = root, token
    ThreadingHTTPServer(("127.0.0.1", int(port)), _Handler).serve_forever()


if __name__ == "__main__":
    _main(*sys.argv[1:])
