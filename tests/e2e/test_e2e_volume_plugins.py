"""Volumes that a plugin keeps: found, made, mounted once for each container, given back."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.clients import Client
from tests.support.daemons import Daemon, ReferenceDaemon, running
from tests.support.environment import reference_lacks
from tests.support.volume_plugin import VolumePlugin, volume_plugin
from tests.support.waiting import wait_until

_DOCKERS_FOLDER = "/run/docker/plugins"


class _ReferenceDaemon(ReferenceDaemon):
    """dockerd that finds the plugins of its own tests only: engines otherwise look in one folder."""

    def argv(self) -> list[str]:
        plugins_of(self).mkdir(exist_ok=True)
        script = f'mkdir -p {_DOCKERS_FOLDER} && mount --bind "$0" {_DOCKERS_FOLDER} && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", script, str(plugins_of(self)), *super().argv()]


def plugins_of(daemon: Daemon) -> Path:
    """Where the engine finds sockets that no other engine of the machine finds."""
    return (daemon.folder if daemon.kind == "dockerd" else daemon.exec_root) / "plugins"


@pytest.fixture(scope="module")
def dockerd() -> Iterator[Daemon]:
    if reason := reference_lacks():
        pytest.skip(reason)
    with running(_ReferenceDaemon) as daemon:
        yield daemon


@pytest.fixture
def plugin(docker: Client, tmp_path: Path) -> Iterator[VolumePlugin]:
    """One that the docker's engine finds, under a name that it has not seen."""
    tmp_path.chmod(0o755)
    name = f"keeper-{secrets.token_hex(4)}"
    with volume_plugin(plugins_of(docker.daemon) / f"{name}.sock", tmp_path) as found:
        yield found


@pytest.fixture(autouse=True)
def _no_volumes_left(docker: Client, plugin: VolumePlugin) -> Iterator[None]:
    yield
    for told in (plugin.refuses, plugin.hangs, plugin.garbles):
        told.clear()
    plugin.let_go.set()
    docker.daemon.remove_containers()
    for volume in docker.api("GET", "/volumes").json["Volumes"] or []:
        docker.api("DELETE", f"/volumes/{volume['Name']}?force=1")


def test_a_plugins_volume_from_its_making_to_its_end(docker: Client, plugin: VolumePlugin) -> None:
    made = docker.text("volume", "create", "-d", plugin.name, "-o", "tier=fast", "--label", "a=b", "pv")
    assert made == "pv"
    assert plugin.asked("Create") == [{"Name": "pv", "Opts": {"tier": "fast"}}]
    shown = json.loads(docker.text("volume", "inspect", "pv"))[0]
    assert (shown["Driver"], shown["Scope"]) == (plugin.name, "global")
    assert (shown["Labels"], shown["Options"]) == ({"a": "b"}, {"tier": "fast"})
    assert (shown["Mountpoint"], shown["Status"]) == (str(plugin.folder / "pv"), {"blocks": 7})
    listed = docker.text("volume", "ls", "--format", "{{.Driver}} {{.Name}}").splitlines()
    assert f"{plugin.name} pv" in listed
    info = docker.api("GET", "/info").json
    assert {"local", plugin.name} <= set(info["Plugins"]["Volume"])
    assert docker.text("volume", "ls", "-q", "--filter", f"driver={plugin.name}") == "pv"
    docker("volume", "rm", "pv")
    assert plugin.asked("Remove") == [{"Name": "pv"}]
    assert docker.text("volume", "ls", "-q") == ""


def test_it_is_mounted_while_a_container_runs(docker: Client, plugin: VolumePlugin) -> None:
    docker("volume", "create", "-d", plugin.name, "pv")
    docker("run", "--name", "one", "-v", "pv:/data", "busybox", "sh", "-c", "echo kept >/data/file")
    assert (plugin.folder / "pv" / "file").read_text() == "kept\n"
    wait_until(lambda: not plugin.mounts["pv"], "the plugin has it back")
    ids = [docker.start("-v", "pv:/data", "busybox", "sleep", "600") for _ in range(2)]
    assert len(plugin.mounts["pv"]) == 2
    error = docker("volume", "rm", "pv", code=1).err
    assert "volume is in use - [" in error
    docker("rm", "-f", *ids, "one")
    wait_until(lambda: not plugin.mounts["pv"], "the plugin has it back")


def test_a_container_makes_one_on_the_way(docker: Client, plugin: VolumePlugin, tmp_path: Path) -> None:
    mount = f"type=volume,src=made,dst=/data,volume-driver={plugin.name},volume-opt=a=b,volume-label=c=d"
    docker("run", "--rm", "--mount", mount, "busybox", "touch", "/data/x")
    assert plugin.options == {"made": {"a": "b"}}
    docker("run", "--rm", "--volume-driver", plugin.name, "-v", "other:/data", "busybox", "touch", "/data/y")
    assert (tmp_path / "other" / "y").exists()
    # No longer a question of the driver: the volume is there.
    assert docker.text("run", "--rm", "-v", "other:/data", "busybox", "ls", "/data") == "y"


def test_a_volume_that_only_the_plugin_knows_is_found(docker: Client, plugin: VolumePlugin) -> None:
    plugin.answer("/VolumeDriver.Create", {"Name": "older"})
    assert docker.text("volume", "inspect", "--format", "{{.Driver}}", "older") == plugin.name
    docker("run", "--rm", "-v", "older:/data", "busybox", "touch", "/data/x")
    assert (plugin.folder / "older" / "x").exists()


def test_an_image_fills_an_empty_one(docker: Client, plugin: VolumePlugin) -> None:
    out = docker.text("run", "--rm", "--volume-driver", plugin.name, "-v", "pv:/bin", "busybox", "ls", "/bin")
    assert "busybox" in out.split()
    wait_until(lambda: not plugin.mounts["pv"], "the plugin has it back")


def test_one_name_is_one_volume(docker: Client, plugin: VolumePlugin) -> None:
    docker("volume", "create", "-d", plugin.name, "pv")
    docker("volume", "create", "-d", plugin.name, "pv")
    assert len(plugin.asked("Create")) == 1
    error = docker("volume", "create", "-d", "local", "pv", code=1).err
    assert f"create pv: driver '{plugin.name}' already has volume 'pv': volume name must be unique" in error


def test_what_the_plugin_refuses_is_told(docker: Client, plugin: VolumePlugin) -> None:
    plugin.refuses["Create"] = "no room"
    error = docker("volume", "create", "-d", plugin.name, "pv", code=1).err
    assert "create pv: " in error
    assert "no room" in error
    assert docker.text("volume", "ls", "-q") == ""
    plugin.refuses.clear()
    docker("volume", "create", "-d", plugin.name, "pv")
    plugin.refuses["Mount"] = "no way"
    error = docker("run", "--name", "box", "-v", "pv:/data", "busybox", "true", code=125).err
    assert "error while mounting volume '': VolumeDriver.Mount: no way" in error
    assert docker.inspect("box", "{{.State.Status}} {{.State.ExitCode}}") == "created 128"
    plugin.refuses["Remove"] = "never"
    docker("rm", "box")
    assert "never" in docker("volume", "rm", "pv", code=1).err
    assert docker.text("volume", "ls", "-q") == "pv"


@pytest.mark.not_on_dockerd("waits for the driver for 15 s")
def test_an_unknown_driver_fails_at_once(docker: Client) -> None:
    began = time.monotonic()
    answer = docker.api("POST", "/volumes/create", {"Name": "pv", "Driver": "nosuch"})
    assert answer.message == 'create pv: error looking up volume plugin nosuch: plugin "nosuch" not found'
    assert time.monotonic() - began < 12


@pytest.mark.not_on_dockerd("waits for a minute")
def test_a_plugin_that_hangs_or_dies_holds_up_nobody_else(docker: Client, plugin: VolumePlugin) -> None:
    docker("volume", "create", "-d", plugin.name, "pv")
    docker("volume", "create", "mine")
    plugin.hangs.add("Mount")
    waiting = docker.popen("run", "--rm", "-v", "pv:/data", "busybox", "true")
    wait_until(lambda: bool(plugin.asked("Mount")), "the plugin is asked")
    assert docker.text("run", "--rm", "-v", "mine:/data", "busybox", "echo", "meanwhile") == "meanwhile"
    plugin.hangs.clear()
    plugin.let_go.set()
    waiting.communicate(timeout=120)
    assert waiting.returncode == 0
    plugin.garbles.add("List")
    shown = docker.api("GET", "/volumes").json
    assert sorted(volume["Name"] for volume in shown["Volumes"]) == ["mine", "pv"]
    assert any(plugin.name in warning for warning in shown["Warnings"])
    plugin.socket_path.unlink()
    error = docker("create", "--pull", "never", "-v", "pv:/data", "busybox", "true", code=1).err
    assert f'plugin "{plugin.name}" not found' in error
    docker("volume", "rm", "-f", "pv")
    assert docker.text("volume", "ls", "-q") == "mine"


@pytest.mark.not_on_dockerd("starts a scowd of its own")
def test_plugins_are_told_of_the_end_by_the_next_engine(
    start_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = start_daemon()
    tmp_path.chmod(0o755)
    with volume_plugin(daemon.exec_root / "plugins" / "kept.sock", tmp_path) as plugin:
        daemon.docker("volume", "create", "-d", "kept", "pv")
        daemon.docker("run", "-d", "--name", "box", "-v", "pv:/data", "busybox", "sleep", "600")
        plugin.hangs.add("Mount")
        daemon.docker("create", "--name", "half", "-v", "pv:/data", "busybox", "true")
        starting = daemon.client("docker").popen("start", "half")
        wait_until(lambda: len(plugin.asked("Mount")) == 2, "the second mount is asked for")
        daemon.kill9()
        starting.communicate(timeout=120)
        plugin.hangs.clear()
        plugin.let_go.set()
        wait_until(lambda: len(plugin.mounts["pv"]) == 2, "the plugin has mounted it all the same")
        daemon.start()
        wait_until(lambda: len(plugin.mounts["pv"]) == 1, "what nobody has is given back")
        assert daemon.docker("exec", "box", "touch", "/data/x").code == 0
        daemon.docker("rm", "-f", "box", "half")
        wait_until(lambda: not plugin.mounts["pv"], "the plugin has it back")
        daemon.docker("volume", "rm", "pv")
