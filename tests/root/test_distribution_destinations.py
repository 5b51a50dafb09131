"""A name that means another address when it is connected to than when it was looked at (DNS rebinding)."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.root

# In a network of its own: a registry on loopback sends us to a name, whose second meaning has a secret.
_CHILD = """
import socket, subprocess, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = sys.argv[1]
for command in ("link set lo up", "addr add 169.254.7.7/32 dev lo", "addr add fe80::7/128 dev lo nodad"):
    subprocess.run(["ip", *command.split()], check=True)
asked = []

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.server.server_address[0])
        led = self.server.server_address[0] == "127.0.0.1" and self.path.startswith("/v2/app/blobs")
        self.send_response(307 if led else 200)
        if led:
            self.send_header("Location", "http://rebound.test:8081/latest/meta-data")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass

class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in SECRET else socket.AF_INET

registry = ThreadingHTTPServer(("127.0.0.1", 8080), Handler)
secret = Server((SECRET, 8081, 0, 1) if ":" in SECRET else (SECRET, 8081), Handler)
for server in (registry, secret):
    threading.Thread(target=server.serve_forever, daemon=True).start()

meanings = iter(["127.0.0.1"])
look_up = socket.getaddrinfo

def rebound(host, *args, **kwargs):
    if host == "rebound.test":
        host = next(meanings, SECRET + ("%lo" if ":" in SECRET else ""))
    return look_up(host, *args, **kwargs)

socket.getaddrinfo = rebound

from scow.distribution.endpoint import Endpoint, RegistrySettings
from scow.distribution.transport import Transport
from scow.errors import PermissionDeniedError

transport = Transport(Endpoint("http://127.0.0.1:8080"), RegistrySettings(), lambda *_: None, "tests")
try:
    transport.request("GET", "app/blobs/x")
except PermissionDeniedError as exc:
    print(exc)
print(*asked)
"""


@pytest.mark.parametrize("secret", ["169.254.7.7", "fe80::7"])
def test_what_counts_is_where_the_connection_ends(secret: str) -> None:
    argv = ["unshare", "--net", sys.executable, "-c", _CHILD, secret]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    refusal, asked = done.stdout.splitlines()
    assert refusal == "refusing to go to the link-local address of rebound.test"
    assert set(asked.split()) == {"127.0.0.1"}
