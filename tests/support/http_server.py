"""A folder served by HTTP in an engine's network."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.namespaces import NetworkNamespace
from tests.support.waiting import wait_until


@contextmanager
def http_server(namespace: NetworkNamespace, folder: Path, port: int) -> Iterator[str]:
    """Its address."""
    command = namespace.command(sys.executable, "-m", "http.server", "-b", "127.0.0.1", str(port))
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(
            lambda: namespace.run("bash", "-c", f"</dev/tcp/127.0.0.1/{port}").returncode == 0, "a server"
        )
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
