"""Which runtimes there are and which is the default."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from scow.errors import InvalidArgumentError
from scow.linux.cgroups import CgroupHost
from scow.runtime import installed
from scow.runtime.installed import default_runtime, installed_runtimes, mount_options

V2 = CgroupHost(2, {}, "/sys/fs/cgroup")


@dataclass(frozen=True)
class Program:
    path: str
    args: tuple[str, ...] = ()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the only one in PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def default(asked: str = "", **configured: Program) -> str:
    runtimes = installed_runtimes({"runc": Program("runc"), **configured}, Path("/run/x"), V2)
    return asyncio.run(default_runtime(asked, runtimes))


def test_crun_is_the_default_where_it_runs(path: Path) -> None:
    assert default() == "runc"
    install(path, "crun", "echo crun version 1.8.1; echo commit: 2.0")
    assert default() == "crun"
    assert default("runc") == "runc"


@pytest.mark.parametrize("script", ["echo crun version 0.17", "echo crun version 1.7.2", "exit 127", "echo"])
def test_a_crun_that_is_old_or_broken_is_not(path: Path, script: str) -> None:
    install(path, "crun", script)
    assert default() == "runc"
    assert default("crun") == "crun"


def test_on_a_kernel_without_a_null_device_that_it_cannot_change_it_is_not(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(path, "crun", "echo crun version 1.8.1")
    monkeypatch.setattr(installed, "NULL_DEVICE_KERNEL", (99, 0))
    assert default() == "runc"


def test_a_default_that_is_not_there_is_refused(path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="specified default runtime 'crun' does not exist"):
        default("crun")


def test_a_configured_crun_is_the_one(path: Path) -> None:
    install(path, "crun", "echo crun version 1.8.1")
    runtimes = installed_runtimes({"crun": Program("/opt/crun", ("--debug",))}, Path("/run/x"), V2)
    assert runtimes["crun"].program == "/opt/crun"
    assert runtimes["crun"].options == ("--debug",)
    assert runtimes["crun"].root == Path("/run/x/crun")


@pytest.mark.parametrize(
    ("controllers", "hidden"),
    [("hugetlb\n", True), ("", False), (None, False)],
    ids=["some", "none", "unmounted"],
)
def test_crun_does_not_see_version_2_controllers_beside_version_1(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controllers: str | None, hidden: bool
) -> None:
    install(path, "crun", "")
    unified = str(tmp_path / "unified")
    monkeypatch.setattr(installed, "_HYBRID_UNIFIED", unified)
    if controllers is not None:
        Path(unified).mkdir()
        Path(unified, "cgroup.controllers").write_text(controllers)
    host = CgroupHost(1, {"memory": "/sys/fs/cgroup/memory"}, unified)
    runtimes = installed_runtimes({"runc": Program("runc")}, Path("/run/x"), host)
    assert runtimes["crun"].hidden_mount == (unified if hidden else "")
    assert runtimes["runc"].hidden_mount == ""
    assert runtimes["crun"].sealed
    assert not runtimes["runc"].sealed


def test_a_crun_that_cannot_be_asked_has_the_options_of_its_time(path: Path) -> None:
    install(path, "crun", "exit 1")
    install(path, "runc", "exit 1")
    runtimes = installed_runtimes({"runc": Program("runc")}, Path("/run/x"), V2)
    assert asyncio.run(mount_options(runtimes["crun"])) == ("rro",)
    assert not asyncio.run(mount_options(runtimes["runc"]))
