"""Network namespaces of a test's own: a host for a daemon, a neighbour beside it, a way out through NAT.

Processes join with ``nsenter --net``; ``ip netns exec`` would also mount another /sys and hide the cgroups.
"""

import fcntl
import itertools
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tests.support.environment import PROJECT, cache_dir, run_id
from tests.support.waiting import PATIENCE_S, wait_until

_numbers = itertools.count()
_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


@dataclass(frozen=True)
class NetworkNamespace:
    """A named namespace; ``address`` is what a neighbour or the uplink reaches it by, if there is one."""

    name: str
    address: str = ""
    peer_address: str = ""

    @property
    def path(self) -> str:
        return f"/run/netns/{self.name}"

    def command(self, *argv: str) -> list[str]:
        """``argv`` as a command that runs in this namespace."""
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def run(self, *argv: str, timeout_s: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
        """Run ``argv`` in this namespace and return its result, whatever the exit code."""
        return subprocess.run(
            self.command(*argv), capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL
        )

    def processes(self) -> list[int]:
        """Processes whose network is this namespace and whose process ids are the host's: no containers."""
        inode, host_pids = os.stat(self.path).st_ino, os.stat("/proc/self/ns/pid").st_ino
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                same_network = os.stat(f"/proc/{entry}/ns/net").st_ino == inode
                if same_network and os.stat(f"/proc/{entry}/ns/pid").st_ino == host_pids:
                    found.append(int(entry))
            except OSError:
                continue
        return found


def _ip(*argv: str) -> None:
    done = subprocess.run(["ip", *argv], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(argv)}: {done.stderr.strip()}")


def _fresh_name() -> str:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    return f"{run_id()}{worker}-{next(_numbers)}"


def _link_subnet(name: str) -> tuple[str, str]:
    """Both addresses of a /30 for the pair called ``name``, from 198.18.0.0/15 (RFC 2544, for tests).

    Two pairs of one run never have the same: a thousand for each of its workers, counted on.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    number = zlib.crc32(run_id().encode()) + int(worker) * 1024 + int(name.rpartition("-")[2])
    base = (number % (1 << 15)) * 4
    prefix = f"198.{18 + (base >> 16)}.{(base >> 8) & 255}"
    return f"{prefix}.{(base & 255) + 1}", f"{prefix}.{(base & 255) + 2}"


@contextmanager
def serving(namespace: NetworkNamespace, module: str, port: int, *args: str) -> Iterator[str]:
    """A server of ``tests.support`` on 127.0.0.1:``port`` in ``namespace``; gives its address."""
    with _listening(namespace, port, "-m", f"tests.support.{module}", str(port), *args) as address:
        yield address


@contextmanager
def files_served(namespace: NetworkNamespace, folder: Path, port: int) -> Iterator[str]:
    """A web server for ``folder`` on 127.0.0.1:``port`` in ``namespace``; gives its address."""
    server = ("-m", "http.server", "--bind", "127.0.0.1", "--directory", str(folder), str(port))
    with _listening(namespace, port, *server) as address:
        yield address


@contextmanager
def _listening(namespace: NetworkNamespace, port: int, *args: str) -> Iterator[str]:
    process = subprocess.Popen(
        namespace.command(sys.executable, *args),
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"127.0.0.1:{port}"
    try:
        wait_until(lambda: f":{port} " in namespace.run("ss", "-ltn").stdout, f"something is at {address}")
        yield address
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@contextmanager
def network_namespace() -> Iterator[NetworkNamespace]:
    """A namespace with loopback up and nothing else."""
    name = _fresh_name()
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        yield NetworkNamespace(name)
    finally:
        _ip("netns", "del", name)


@contextmanager
def neighbour_of(host: NetworkNamespace) -> Iterator[NetworkNamespace]:
    """Another namespace with a link to ``host``: a machine beside it. ``peer_address`` is the host's."""
    with network_namespace() as other:
        near, far = _link_subnet(other.name)
        device = f"n{zlib.crc32(other.name.encode()):08x}"
        _ip(
            "-n",
            host.name,
            "link",
            "add",
            device,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            other.name,
        )
        _ip("-n", host.name, "addr", "add", f"{near}/30", "dev", device)
        _ip("-n", host.name, "link", "set", device, "up")
        _ip("-n", other.name, "addr", "add", f"{far}/30", "dev", "eth0")
        _ip("-n", other.name, "link", "set", "eth0", "up")
        _ip("-n", other.name, "route", "add", "default", "via", near)
        try:
            yield NetworkNamespace(other.name, address=far, peer_address=near)
        finally:
            _ip("-n", host.name, "link", "del", device)


@contextmanager
def uplink_of(host: NetworkNamespace) -> Iterator[None]:
    """A way out of ``host`` through this machine: veth, default route and a NAT table of our own."""
    near, far = _link_subnet(host.name)
    device = f"u{zlib.crc32(host.name.encode()):08x}"
    table = f"scow_test_{host.name.replace('-', '_')}"
    rules = (
        f"table ip {table} {{\n chain postrouting {{\n  type nat hook postrouting priority 100;\n"
        f"  ip saddr {far} masquerade\n }}\n}}\n"
    )
    with ExitStack() as stack:
        stack.enter_context(_forwarding())
        _ip("link", "add", device, "type", "veth", "peer", "name", "uplink", "netns", host.name)
        stack.callback(_ip, "link", "del", device)
        _ip("addr", "add", f"{near}/30", "dev", device)
        _ip("link", "set", device, "up")
        _ip("-n", host.name, "addr", "add", f"{far}/30", "dev", "uplink")
        _ip("-n", host.name, "link", "set", "uplink", "up")
        _ip("-n", host.name, "route", "add", "default", "via", near)
        stack.callback(subprocess.run, ["nft", "delete", "table", "ip", table], capture_output=True)
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
        yield


@contextmanager
def _forwarding() -> Iterator[None]:
    """This machine forwards packets while any test process needs it; the last one puts back what was there.

    Whoever needs it shares the lock of ``users``, where the first has written what to put back. ``gate`` is
    for one at a time to come or leave.
    """
    folder = cache_dir()
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "forwarding.gate", "a") as gate, open(folder / "forwarding", "a+") as users:
        fcntl.flock(gate, fcntl.LOCK_EX)
        if _is_alone(users):
            users.truncate(0)
            users.write(_FORWARD.read_text())
            users.flush()
        fcntl.flock(users, fcntl.LOCK_SH)
        _FORWARD.write_text("1")
        fcntl.flock(gate, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(gate, fcntl.LOCK_EX)
            if _is_alone(users):
                users.seek(0)
                _FORWARD.write_text(users.read())


def _is_alone(users: TextIO) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
