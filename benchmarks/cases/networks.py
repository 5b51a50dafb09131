"""Networks: throughput and round trips on every path, lookups, many published ports, many networks."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks.case import Case, NotHereError, Sample, Scale, check
from benchmarks.engines import IMAGE, Engine
from benchmarks.memory import settled_kib
from tests.support.environment import PROJECT
from tests.support.namespaces import NetworkNamespace, neighbour_of
from tests.support.waiting import wait_until

_NETWORK = "measured"
_IPERF, _ECHO = 5201, 5202
_FIRST_PORT = 20_000
_LIMIT_S = 60.0


def _in_network(path: str, *argv: str) -> list[str]:
    return ["nsenter", f"--net={path}", "--", *argv]


def _output(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_LIMIT_S, cwd=PROJECT)
    check(done.returncode == 0, f"{' '.join(argv[2:6])}: {done.stderr.strip()[-200:] or done.stdout[-200:]}")
    return done.stdout


def _load(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "benchmarks.network_load", *words)


@dataclass(frozen=True)
class Site:
    """A server and a client on one network; ``paths``: name → network to come from, address to call."""

    client: str
    address: str
    paths: dict[str, tuple[str, str]]


@contextmanager
def _site(engine: Engine) -> Iterator[Site]:
    with ExitStack() as stack:
        neighbour = stack.enter_context(neighbour_of(engine.daemon.namespace))
        engine.run("network", "create", _NETWORK)
        stack.callback(engine.run, "network", "rm", _NETWORK)
        ports = ("-p", f"{_IPERF}:{_IPERF}", "-p", f"{_ECHO}:{_ECHO}")
        for name, options in (("server", ports), ("client", ())):
            engine.run("run", "-d", "--name", name, "--network", _NETWORK, *options, IMAGE, "sleep", "100000")
            stack.callback(engine.remove, name)
        found = engine.api("GET", "/containers/server/json")
        client = f"/proc/{engine.process_of('client')}/ns/net"
        server = f"/proc/{found['State']['Pid']}/ns/net"
        address = found["NetworkSettings"]["Networks"][_NETWORK]["IPAddress"]
        for argv in (("iperf3", "-s"), _load("echo", str(_ECHO))):
            stack.enter_context(_serving(server, *argv))
        listening = ["nsenter", f"--net={server}", "ss", "-ltn"]
        wait_until(
            lambda: all(f":{port} " in _output(listening) for port in (_IPERF, _ECHO)), "both servers listen"
        )
        yield Site(client, address, _paths(engine.daemon.namespace, neighbour, client, address))


def _paths(
    host: NetworkNamespace, neighbour: NetworkNamespace, client: str, address: str
) -> dict[str, tuple[str, str]]:
    return {
        "container to container": (client, address),
        "published, from another machine": (neighbour.path, neighbour.peer_address),
        "published, from the host by 127.0.0.1": (host.path, "127.0.0.1"),
        "published, from a container": (client, neighbour.peer_address),
        "published, from the host by [::1]": (host.path, "::1"),
    }


@contextmanager
def _serving(network: str, *argv: str) -> Iterator[None]:
    process = subprocess.Popen(
        _in_network(network, *argv), cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _throughput(engine: Engine, scale: Scale) -> Iterator[Sample]:
    if not shutil.which("iperf3"):
        raise NotHereError("iperf3 is not installed")
    with _site(engine) as site:

        def gigabits(network: str, address: str) -> float:
            words = ("iperf3", "-J", "-t", str(scale.traffic_s), "-c", address)
            received = json.loads(_output(_in_network(network, *words)))["end"]["sum_received"]
            return float(received["bits_per_second"]) / 1e9

        yield lambda: {f"{name} Gbit/s": gigabits(*path) for name, path in site.paths.items()}


@contextmanager
def _round_trips(engine: Engine, scale: Scale) -> Iterator[Sample]:
    with _site(engine) as site:

        def microseconds(network: str, address: str) -> float:
            return float(_output(_in_network(network, *_load("ping", address, str(_ECHO)))))

        yield lambda: {f"{name} us": microseconds(*path) for name, path in site.paths.items()}


@contextmanager
def _lookups(engine: Engine, scale: Scale) -> Iterator[Sample]:
    with _site(engine) as site:
        words = _in_network(site.client, *_load("lookups", "server", site.address))
        yield lambda: {"1,000 lookups ms": float(_output(words)) * 1000}


@contextmanager
def _ports(engine: Engine, scale: Scale) -> Iterator[Sample]:
    ports = f"{_FIRST_PORT}-{_FIRST_PORT + scale.ports - 1}:80-{79 + scale.ports}"

    def sample() -> dict[str, float]:
        before_kib = settled_kib(engine)
        words = ("run", "-d", "--name", "many", "-p", ports, IMAGE, "httpd", "-f", "-p", "80", "-h", "/etc")
        started_s, _ = engine.run(*words)
        each_kib = settled_kib(engine) - before_kib
        page = engine.daemon.namespace.run(
            "busybox", "wget", "-qO-", f"http://127.0.0.1:{_FIRST_PORT}/passwd"
        ).stdout
        check("root:" in page, "nothing answers on the first port")
        began = time.perf_counter()
        engine.remove("many")
        removed_s = time.perf_counter() - began
        return {
            f"{scale.ports} published s": started_s,
            f"{scale.ports} published, memory KiB": each_kib,
            "removed s": removed_s,
        }

    yield sample


@contextmanager
def _networks(engine: Engine, scale: Scale) -> Iterator[Sample]:
    def sample() -> dict[str, float]:
        before_kib = settled_kib(engine)
        names = [f"many{number}" for number in range(scale.networks)]
        began = time.perf_counter()
        for number, name in enumerate(names):
            subnet = {"Subnet": f"10.77.{number}.0/24"}
            engine.api("POST", "/networks/create", {"Name": name, "IPAM": {"Config": [subnet]}})
            engine.start(name, network=name)
        started_s = time.perf_counter() - began
        took_kib = settled_kib(engine) - before_kib
        began = time.perf_counter()
        for name in names:
            engine.remove(name)
            engine.api("DELETE", f"/networks/{name}")
        removed_s = time.perf_counter() - began
        return {
            f"{scale.networks} with a container each s": started_s,
            "memory KiB": took_kib,
            "removed s": removed_s,
        }

    yield sample


CASES = (
    Case("network-throughput", "throughput on every path (more is better)", _throughput, slow=True),
    Case("network-round-trip", "a byte there and back on every path", _round_trips, slow=True),
    Case("network-lookups", "1,000 lookups of a neighbour's name", _lookups),
    Case(
        "network-ports", "one container with many published ports: start, memory, removal", _ports, slow=True
    ),
    Case("network-many", "many networks with a container each: start, memory, removal", _networks, slow=True),
)
