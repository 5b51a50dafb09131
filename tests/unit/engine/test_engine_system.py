"""What the engine says of itself: versions of programs, warnings, and settings that change while it runs."""

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from scow.config import Config
from scow.engine.host_warnings import host_warnings
from scow.engine.programs import Program, Programs, parse_init_version, parse_runtime_version
from scow.engine.reload import reload_attributes, reloaded, waiting
from scow.linux.cgroup_features import CgroupFeatures
from scow.runtime.oci_runtime import OciRuntime

_SWITCHES: dict[str, Any] = {
    field.name: True
    for field in dataclasses.fields(CgroupFeatures)
    if field.name not in ("cpuset_cpus", "cpuset_mems")
}
ALL_V1 = CgroupFeatures(**_SWITCHES)


def config(**changes: Any) -> Config:
    base = Config(
        data_root=Path("/data"),
        exec_root=Path("/run"),
        hosts=("unix:///sock",),
        pidfile=Path("/pid"),
        group="docker",
    )
    return dataclasses.replace(base, **changes)


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("runc version 1.1.5+ds1\ncommit: abc\nspec: 1.0.2-dev\n", Program("1.1.5+ds1", "abc")),
        ("crun version 1.8.1\ncommit: f8a0\nrundir: /run/crun\n+SYSTEMD\n", Program("1.8.1", "f8a0")),
        ("youki version 0.3\n", Program("0.3", "")),
        ("no such option\n", Program()),
        ("", Program()),
    ],
)
def test_versions_of_runtimes(text: str, program: Program) -> None:
    assert parse_runtime_version(text) == program


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("tini version 0.19.0 - git.de40ad0\n", Program("0.19.0", "de40ad0")),
        ("tini version 0.19.0\n", Program("0.19.0", "")),
        ("catatonit 0.1\n", Program()),
    ],
)
def test_versions_of_init_programs(text: str, program: Program) -> None:
    assert parse_init_version(text) == program


def test_a_program_is_asked_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    path, asked = tmp_path / "runtime", tmp_path / "asked"

    def install(version: str) -> None:
        path.write_text(f"#!/bin/sh\necho x >> {asked}\necho runtime version {version}\n")
        path.chmod(0o755)

    async def run() -> None:
        programs = Programs({"one": OciRuntime(str(path), tmp_path)}, None)
        install("1.0")
        for _ in range(3):
            assert await programs.runtime("one") == Program("1.0")
        assert asked.read_text() == "x\n"
        install("2.0")
        assert await programs.runtime("one") == Program("2.0")
        assert await programs.runtime("two") == await programs.init() == Program()

    asyncio.run(run())


def test_a_complete_host_has_no_warnings() -> None:
    for version in (1, 2):
        assert host_warnings(ALL_V1, version, ["unix:///sock"], ipv4_forwarding=True) == []


def test_what_a_host_lacks_is_named_by_its_version() -> None:
    lacking = dataclasses.replace(
        ALL_V1, swap_limit=False, oom_kill_disable=False, blkio_weight=False, blkio_read_bps=False
    )
    assert host_warnings(lacking, 1, [], ipv4_forwarding=False) == [
        "WARNING: No swap limit support",
        "WARNING: No oom kill disable support",
        "WARNING: No blkio throttle.read_bps_device support",
        "WARNING: IPv4 forwarding is disabled",
    ]
    assert host_warnings(lacking, 2, [], ipv4_forwarding=True) == [
        "WARNING: No swap limit support",
        "WARNING: No io.weight support",
        "WARNING: No io.max (rbps) support",
    ]


def test_an_open_door_is_told() -> None:
    found = host_warnings(ALL_V1, 1, ["unix:///s", "tcp://0.0.0.0:2375"], ipv4_forwarding=True)
    assert len(found) == 1
    assert found[0].startswith("WARNING: API is accessible on http://0.0.0.0:2375 without encryption.\n")


def test_some_settings_change_while_it_runs_and_others_wait() -> None:
    started = config(mtu=1400, labels=("a=b",))
    read = config(mtu=9000, labels=("c=d", "e=f"), debug=True, log_level="debug", features={"buildkit": True})
    running = reloaded(started, read)
    assert (running.labels, running.debug, running.mtu) == (("c=d", "e=f"), True, 1400)
    assert waiting(started, read) == ["mtu"]
    attributes = reload_attributes(running)
    assert (attributes["labels"], attributes["debug"]) == ('["c=d","e=f"]', "true")
    assert (attributes["features"], attributes["runtimes"]) == ("map[buildkit:true]", "runc:runc")
    assert (attributes["registry-mirrors"], attributes["default-shm-size"]) == ("[]", "67108864")
