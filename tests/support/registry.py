"""Debian's docker-registry as the registry of a test: plain, with passwords, with TLS."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.environment import clean_environment
from tests.support.namespaces import NetworkNamespace
from tests.support.waiting import wait_until

USER, PASSWORD = "user", "secret"
# What htpasswd -nbB makes of the two.
_HTPASSWD = "user:$2y$05$V4ZzQsF7VAmAifTfCTMjYuLrp0dfDje0tMOZGv/DI6Uy0o8sW81l2\n"


@dataclass(frozen=True)
class Registry:
    """A running registry; ``address`` is host and port in the engine's network."""

    address: str
    storage: Path
    log: Path
    _namespace: NetworkNamespace

    def get(self, path: str, *headers: str) -> str:
        """A GET with curl from within the engine's network."""
        flags = [flag for header in headers for flag in ("-H", header)]
        return self._namespace.run("curl", "-sk", *flags, f"{self._scheme}://{self.address}{path}").stdout

    @property
    def _scheme(self) -> str:
        return "https" if "tls" in (self.storage.parent / "config.json").read_text() else "http"

    def repository(self, name: str) -> Path:
        """Where it keeps what it knows of a repository."""
        return self.storage / "docker/registry/v2/repositories" / name

    def blobs(self) -> list[Path]:
        return sorted(self.storage.glob("docker/registry/v2/blobs/sha256/*/*/data"))


@contextmanager
def registry(
    folder: Path,
    namespace: NetworkNamespace,
    *,
    address: str = "127.0.0.1:5000",
    passwords: bool = False,
    certificate: tuple[Path, Path] | None = None,
    client_ca: Path | None = None,
    token_auth: dict[str, str] | None = None,
) -> Iterator[Registry]:
    """Start a registry in ``namespace``; it is gone after the block, its storage stays in ``folder``.

    ``client_ca`` must have signed the certificates of clients; ``token_auth`` is the registry's setting.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config: dict[str, object] = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}, "delete": {"enabled": True}},
        "http": {"addr": address, "secret": "not one"},
    }
    if passwords:
        (folder / "htpasswd").write_text(_HTPASSWD)
        config["auth"] = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    if token_auth is not None:
        config["auth"] = {"token": token_auth}
    if certificate is not None:
        tls: dict[str, object] = {"certificate": str(certificate[0]), "key": str(certificate[1])}
        if client_ca is not None:
            tls["clientcas"] = [str(client_ca)]
        config["http"] = {"addr": address, "secret": "not one", "tls": tls}
    (folder / "config.json").write_text(json.dumps(config))
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            namespace.command("docker-registry", "serve", str(folder / "config.json")),
            env=clean_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            found = Registry(address, folder / "storage", log, namespace)
            wait_until(
                lambda: f":{address.rpartition(':')[2]} " in namespace.run("ss", "-ltn").stdout, "registry"
            )
            yield found
        finally:
            process.terminate()
            process.wait(120)
