"""scowd itself: its sockets, files and flags, starting on demand and leaving when idle."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.clients import Client
from tests.support.daemons import Daemon, DaemonOptions, ScowDaemon, machine
from tests.support.environment import PROJECT, program
from tests.support.footprint import wait_until_asleep
from tests.support.http import UnixConnection, request
from tests.support.images import busybox_archive
from tests.support.waiting import wait_until


@pytest.fixture
def stopped() -> Iterator[Daemon]:
    """A machine for scowd, with scowd not started."""
    with machine(ScowDaemon, DaemonOptions()) as daemon:
        yield daemon


def refusal(daemon: Daemon, *args: str, code: int = 1) -> str:
    """What scowd says when it does not start, and ends with ``code``."""
    done = subprocess.run(
        daemon.namespace.command(*daemon.argv(), *args),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_it_listens_on_several_sockets_and_writes_its_pid(stopped: Daemon) -> None:
    second = stopped.folder / "second"
    stopped.start("-H", f"unix://{second}", "-H", "tcp://127.0.0.1:2375")
    assert int(stopped.pidfile.read_text()) == stopped.pid
    assert request(str(second), "GET", "/_ping").body == b"OK"
    over_tcp = stopped.namespace.run("busybox", "wget", "-qO-", "http://127.0.0.1:2375/_ping")
    assert over_tcp.stdout == "OK"
    assert (stopped.socket.stat().st_mode & 0o777) in (0o600, 0o660)
    second_one = refusal(stopped, code=os.EX_TEMPFAIL)
    assert "process" in second_one, "a second one on the same pid file is refused"
    stopped.stop()
    assert not stopped.pidfile.exists()
    assert not stopped.socket.exists()


def test_one_engine_at_a_time_has_its_rules_in_a_network(stopped: Daemon, tmp_path: Path) -> None:
    def other(*args: str) -> str:
        """What a second engine says that leaves by itself, with folders of its own."""
        done = subprocess.run(
            stopped.namespace.command(
                *(program("scowd"), "--data-root", f"{tmp_path}/data", "--exec-root", f"{stopped.folder}/x"),
                *("-H", f"unix://{stopped.folder}/o", "-p", f"{tmp_path}/pid", "--idle-exit", "1s", *args),
            ),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
        return done.stderr

    stopped.start()
    refused = other()
    assert f"another engine (process {stopped.pid}) has its rules in this network namespace" in refused
    without = ("--iptables=false", "--ip6tables=false", "--bridge", "none")
    assert "API listens on" in other(*without)
    stopped.kill9()
    assert "API listens on" in other("--bridge", "none"), "a killed one claims nothing"


def test_wrong_configuration_is_refused_with_its_place(stopped: Daemon) -> None:
    path = stopped.folder / "daemon.json"
    path.write_text('{"mtu": 1400, "nosuchkey": true}')
    error = refusal(stopped)
    assert str(path) in error
    assert "nosuchkey" in error
    path.write_text('{"mtu": 1400}')
    error = refusal(stopped, "--mtu", "1300")
    assert "the following directives are specified both as a flag and in the configuration file: mtu" in error
    path.write_text('{"mtu": ')
    assert str(path) in refusal(stopped)
    path.write_text("{}")
    assert "unknown flag: --nosuch" in refusal(stopped, "--nosuch")
    assert "(wrong filesystem?)" in refusal(stopped, "--storage-driver", "zfs")


def test_the_bridges_settings_are_used(stopped: Daemon) -> None:
    (stopped.folder / "daemon.json").write_text(json.dumps({"bip": "10.77.0.1/24", "mtu": 1400}))
    stopped.start("--bridge", "scowtest0")
    stopped.load(busybox_archive())
    out = stopped.scow(
        *("run", "--rm", "busybox", "sh", "-c"),
        "cat /sys/class/net/eth0/mtu; ip -o -4 addr show eth0; ip route",
    ).out
    assert out.startswith("1400\n")
    assert "10.77.0." in out
    assert "default via 10.77.0.1" in out
    assert "10.77.0.1/24" in stopped.namespace.run("ip", "-4", "addr", "show", "scowtest0").stdout
    stopped.stop()


def test_vfs_is_there_where_overlay_is_not(stopped: Daemon) -> None:
    stopped.start("--storage-driver", "vfs")
    stopped.load(busybox_archive())
    client = stopped.client("scow")
    assert client.text("info", "--format", "{{.Driver}}") == "vfs"
    client("run", "--name", "first", "busybox", "touch", "/mine")
    assert client("run", "--rm", "busybox", "ls", "/mine", code=1).out == ""
    client("rm", "first")
    stopped.stop()


def test_it_takes_its_socket_from_the_service_manager(stopped: Daemon) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(stopped.socket))
    listener.listen()
    argv = stopped.argv()
    argv[argv.index("-H") + 1] = "fd://"
    # LISTEN_PID must be the pid of scowd itself, so a shell sets it and becomes scowd.
    script = 'export LISTEN_PID=$$ LISTEN_FDS=1; fd=$1; shift; eval "exec 3<&$fd"; exec "$@"'
    command = stopped.namespace.command("bash", "-c", script, "bash", str(listener.fileno()), *argv)
    with open(stopped.log, "ab") as log:
        stopped.process = subprocess.Popen(command, stdout=log, stderr=log, pass_fds=[listener.fileno()])
    try:
        # The kernel queues the connection until scowd accepts it: no waiting for the socket.
        assert stopped.api("GET", "/_ping").body == b"OK", stopped.log_tail()
    finally:
        listener.close()
        stopped.stop()


def on_demand(client: Client, *args: str) -> list[str]:
    """``scow`` on the default socket, in a mount namespace with an empty /run and /var/lib."""
    quoted = 'mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/lib; exec "$@"'
    return client.daemon.namespace.command("unshare", "--mount", "sh", "-c", quoted, "sh", *args)


def dismiss(daemon: Daemon) -> None:
    """End an engine that was started on demand, as a service manager would; it finishes its cleaning up."""
    for pid, line in daemon.processes().items():
        if "scowd" in line:
            os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not daemon.processes(), "scowd, reaper and shim are gone")


def test_scow_starts_an_engine_when_there_is_none(stopped: Daemon) -> None:
    client = stopped.client("scow")
    env = {name: value for name, value in client.env.items() if name != "DOCKER_HOST"}
    script = (
        f"scow={program('scow')}; $scow load -qi {busybox_archive()};"
        "$scow run --rm busybox echo ran on demand;"
        "$scow ps -q; ls /run/scow; test -S /run/scow/scow.sock && echo listening"
    )
    done = subprocess.run(
        on_demand(client, "sh", "-c", script), env=env, capture_output=True, text=True, timeout=120
    )
    assert "ran on demand\n" in done.stdout, done.stderr
    assert done.stdout.endswith("listening\n")
    assert any("scowd" in line for line in stopped.processes().values())
    dismiss(stopped)


def test_an_idle_engine_leaves_and_takes_the_reaper_with_it(stopped: Daemon) -> None:
    stopped.start("--idle-exit", "3s")
    listening = UnixConnection(
        str(stopped.socket)
    )  # it stays while it has a client, however slow all this is
    listening.request("GET", "/events")
    listening.getresponse()
    stopped.load(busybox_archive())
    client = stopped.client("scow")
    client("run", "-d", "--rm", "--name", "busy", "busybox", "sleep", "5")
    listening.close()
    assert stopped.process is not None
    assert stopped.process.wait(120) == 0, "it stays while the container runs and leaves some seconds later"
    wait_until(lambda: not stopped.processes(), "reaper and shim left too")
    assert not stopped.socket.exists()
    assert on_the_host(stopped) == []


def on_the_host(daemon: Daemon) -> list[str]:
    """Tables of rules, and devices that are not the machine's own."""
    tables = daemon.namespace.run("nft", "list", "tables").stdout.splitlines()
    links = daemon.namespace.run("ip", "-o", "link").stdout.splitlines()
    devices = [line.split(":")[1].strip().partition("@")[0] for line in links]
    return sorted(tables + [device for device in devices if device not in ("lo", "uplink")])


def fetched(daemon: Daemon) -> str:
    """What the host gets at port 8080."""
    return daemon.namespace.run("wget", "-qO-", "-T", "30", "http://127.0.0.1:8080/").stdout


def test_an_engine_that_leaves_takes_its_networks_along(stopped: Daemon) -> None:
    """And the next one makes them again, as they were."""
    stopped.start("--ipv6")
    stopped.load(busybox_archive())
    docker = stopped.docker
    docker("network", "create", "own")
    docker("network", "create", "-d", "macvlan", "segment")
    subnets = [docker("network", "inspect", "-f", "{{json .IPAM}}", name).out for name in ("bridge", "own")]
    docker("run", "-d", "--name", "web", "--network", "own", "-p", "8080:80", "busybox", "sleep", "600")
    docker("rm", "-f", "web")
    for leave in (stopped.stop, stopped.kill9):
        leave()
        stopped.start("--ipv6")
        found = [docker("network", "inspect", "-f", "{{json .IPAM}}", name).out for name in ("bridge", "own")]
        assert found == subnets
        serve = ("sh", "-c", "echo here > /tmp/index.html; exec httpd -f -h /tmp")
        docker("run", "-d", "--name", "web", "--network", "own", "-p", "8080:80", "busybox", *serve)
        wait_until(lambda: fetched(stopped) == "here\n", "the port leads to it")
        docker("rm", "-f", "web")
    stopped.stop()
    assert on_the_host(stopped) == []


def test_what_a_running_container_needs_stays(stopped: Daemon) -> None:
    stopped.start()
    stopped.load(busybox_archive())
    serve = ("sh", "-c", "echo here > /tmp/index.html; exec httpd -f -h /tmp")
    stopped.docker("run", "-d", "--name", "web", "-p", "8080:80", "busybox", *serve)
    wait_until(lambda: fetched(stopped) == "here\n", "the port leads to it")
    stopped.stop()
    assert fetched(stopped) == "here\n"
    assert {"scow0", "table inet scow", "table bridge scow"} <= set(on_the_host(stopped))
    stopped.start()
    stopped.docker("rm", "-f", "web")
    stopped.stop()
    assert on_the_host(stopped) == []


def test_what_is_the_users_stays(stopped: Daemon) -> None:
    """A rule in the user's table, a bridge with a port that is not scow's, a bridge that was there before."""
    run = stopped.namespace.run
    run("ip", "link", "add", "brown", "type", "bridge")
    stopped.start()
    name = "com.docker.network.bridge.name=brown"
    stopped.docker("network", "create", "-o", name, "own")
    stopped.docker("network", "create", "-o", "com.docker.network.bridge.name=scowshared", "shared")
    run("nft", "add", "rule", "inet", "scow-user", "SCOW-USER", "ip", "saddr", "192.0.2.1", "drop")
    run("ip", "link", "add", "mine", "type", "veth", "peer", "name", "far")
    run("ip", "link", "set", "mine", "master", "scowshared")
    stopped.stop()
    assert on_the_host(stopped) == ["brown", "far", "mine", "scowshared", "table inet scow-user"]
    run("ip", "link", "del", "mine")
    stopped.start()
    assert "192.0.2.1" in run("nft", "list", "table", "inet", "scow-user").stdout
    stopped.docker("network", "rm", "own", "shared")
    run("nft", "flush", "chain", "inet", "scow-user", "SCOW-USER")
    stopped.stop()
    assert on_the_host(stopped) == ["brown"]
    run("ip", "link", "del", "brown")


def test_the_demo_of_the_readme_shows_a_container(stopped: Daemon) -> None:
    client = stopped.client("scow")
    env = {name: value for name, value in client.env.items() if name != "DOCKER_HOST"}
    done = subprocess.run(
        on_demand(client, str(PROJECT / "scripts" / "demo")),
        env=env,
        capture_output=True,
        text=True,
        timeout=280,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    lines = {line[:19].strip(): line[19:] for line in done.stdout.splitlines()}
    assert lines["my process id"] == "1"
    assert lines["my host name"] == "demo"
    assert lines["my address"].endswith("/16")
    assert lines["my memory limit"] == "67108864 bytes"
    assert lines["my process limit"] == "20"
    dismiss(stopped)


def test_idle_is_quiet(stopped: Daemon) -> None:
    """No wake-ups: the processes of an idle engine with a container that sleeps use no processor time."""
    stopped.start()
    stopped.load(busybox_archive())
    stopped.scow("run", "-d", "busybox", "sleep", "600")
    wait_until_asleep(stopped)
    stopped.remove_containers()
    stopped.stop()


def test_a_tcp_client_may_keep_its_connection(stopped: Daemon) -> None:
    stopped.start("-H", "tcp://127.0.0.1:2375")
    script = (
        "import http.client; c = http.client.HTTPConnection('127.0.0.1', 2375);"
        "print([(c.request('GET', '/_ping'), c.getresponse().read())[1] for _ in range(3)])"
    )
    done = stopped.namespace.run(program("python"), "-c", script)
    assert done.stdout.strip() == "[b'OK', b'OK', b'OK']"
    stopped.stop()


def test_the_default_stop_timeout_and_a_network_that_is_full(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon("--default-stop-timeout", "1", "--bip", "10.99.1.1/30")
    container = daemon.scow("run", "-d", "busybox", "sleep", "600").out.strip()
    error = daemon.scow("run", "-d", "busybox", "true", code=125).err
    assert "failed to set up container networking: " in error
    assert "external connectivity" not in error, "nobody asked for a port"
    began = time.monotonic()
    daemon.api("POST", f"/containers/{container}/stop")  # a first process is spared SIGTERM
    assert 1 <= time.monotonic() - began < 10  # without: 10 at least
    daemon.scow("rm", container)
