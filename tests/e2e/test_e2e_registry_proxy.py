"""Registries behind a proxy that speaks for the engine: tinyproxy, by flags, daemon.json, the environment."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.certificates import make_certificates
from tests.support.daemons import Daemon
from tests.support.namespaces import NetworkNamespace
from tests.support.registry import registry
from tests.support.waiting import wait_until

pytestmark = pytest.mark.needs("docker-registry", "tinyproxy", "openssl")

# What is on loopback is never asked for by a proxy.
_ADDRESS = "198.51.100.7"
_PLAIN, _SECURED = f"{_ADDRESS}:5000", f"{_ADDRESS}:5443"
_PROXY = "http://user:secret@127.0.0.1:8888"
Start = Callable[..., Daemon]


@contextmanager
def tinyproxy(namespace: NetworkNamespace, folder: Path) -> Iterator[Path]:
    """A proxy with a password; gives its log, which has a line for each request."""
    settings, log = folder / "tinyproxy.conf", folder / "tinyproxy.log"
    settings.write_text(
        f'Port 8888\nListen 127.0.0.1\nTimeout 60\nLogFile "{log}"\nLogLevel Connect\nMaxClients 20\n'
        f"BasicAuth user secret\nConnectPort 5443\n"
    )
    process = subprocess.Popen(namespace.command("tinyproxy", "-d", "-c", str(settings)))
    try:
        wait_until(lambda: ":8888 " in namespace.run("ss", "-ltn").stdout, "the proxy is there")
        yield log
    finally:
        process.terminate()
        process.wait(120)


def by_flags(_patch: pytest.MonkeyPatch, _folder: Path, no_proxy: str) -> list[str]:
    return ["--http-proxy", _PROXY, "--https-proxy", _PROXY, "--no-proxy", no_proxy]


def by_file(_patch: pytest.MonkeyPatch, folder: Path, no_proxy: str) -> list[str]:
    proxies = {"http-proxy": _PROXY, "https-proxy": _PROXY, "no-proxy": no_proxy}
    (folder / "daemon.json").write_text(json.dumps({"proxies": proxies}))
    return ["--config-file", str(folder / "daemon.json")]


def by_environment(patch: pytest.MonkeyPatch, _folder: Path, no_proxy: str) -> list[str]:
    patch.setenv("HTTP_PROXY", _PROXY)
    patch.setenv("HTTPS_PROXY", _PROXY)
    patch.setenv("NO_PROXY", no_proxy)
    return []


@pytest.mark.parametrize("way", [by_flags, by_file, by_environment])
def test_images_go_through_the_proxy(
    start_daemon: Start,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    way: Callable[[pytest.MonkeyPatch, Path, str], list[str]],
) -> None:
    insecure = ("--insecure-registry", _PLAIN, "--insecure-registry", _SECURED)
    engine = start_daemon(*insecure, *way(monkeypatch, tmp_path, "other.test"))
    client, namespace = engine.client("docker"), engine.namespace
    namespace.run("ip", "addr", "add", f"{_ADDRESS}/32", "dev", "lo")
    made = make_certificates(tmp_path / "tls", address=_ADDRESS).server
    certificate = (made / "cert.pem", made / "key.pem")
    with (
        registry(tmp_path / "plain", namespace, address=_PLAIN),
        registry(tmp_path / "secured", namespace, address=_SECURED, certificate=certificate),
    ):
        names = [f"{_PLAIN}/team/app:1", f"{_SECURED}/team/app:1"]
        client("tag", "busybox", names[0])
        # There is no proxy yet, and nobody goes another way.
        assert "proxyconnect tcp: dial tcp 127.0.0.1:8888: connect: connection refused" in (
            client("push", names[0], code=1).err
        )
        with tinyproxy(namespace, tmp_path) as log:
            for name in names:
                client("tag", "busybox", name)
                client("push", name)
                client("rmi", name)
                client("pull", name)
                client("rmi", name)
            said = log.read_text()
            assert f"CONNECT {_SECURED}" in said
            assert f"GET http://{_PLAIN}/v2/team/app/manifests/1" in said
            assert f"GET http://{_SECURED}" not in said
        shown = client("info", "--format", "{{.HTTPProxy}} {{.HTTPSProxy}} {{.NoProxy}}").out
        assert "127.0.0.1:8888" in shown
        assert "secret" not in shown


def test_what_is_excepted_goes_straight(
    start_daemon: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine = start_daemon("--insecure-registry", _PLAIN, *by_flags(monkeypatch, tmp_path, "198.51.100.0/24"))
    client, namespace = engine.client("docker"), engine.namespace
    namespace.run("ip", "addr", "add", f"{_ADDRESS}/32", "dev", "lo")
    with registry(tmp_path / "plain", namespace, address=_PLAIN):
        client("tag", "busybox", f"{_PLAIN}/team/app:1")
        client("push", f"{_PLAIN}/team/app:1")
