"""What only overlay2 has: short links, deep stacks, awkward paths, refusals."""

import os
from pathlib import Path

import pytest

from scow.errors import InvalidArgumentError, UnsupportedError
from scow.image.drivers import open_driver
from scow.image.snapshots.overlay2 import Overlay2Driver, short_name
from scow.image.snapshots.probe import OverlayHost, backing_filesystem, probe_overlay
from scow.linux.mounts import mountinfo

pytestmark = pytest.mark.root


def made(driver: Overlay2Driver, count: int) -> list[str]:
    stack: list[str] = []
    for number in range(count):
        snapshot = f"{number:064x}"
        folder = Path(driver.stage(snapshot, stack))
        (folder / f"layer-{number}").write_text("x")
        driver.commit(snapshot, stack, stackable=True)
        stack.insert(0, snapshot)
    return stack


def open_overlay(root: Path) -> Overlay2Driver:
    driver = open_driver(root, "overlay2")
    assert isinstance(driver, Overlay2Driver)
    return driver


def mount_writable(driver: Overlay2Driver, below: list[str]) -> Path:
    top = "f" * 64
    driver.stage(top, below)
    driver.commit(top, below, stackable=False)
    return Path(driver.mount(top, below))


@pytest.mark.parametrize("count", [1, 2, 127, 128])
def test_deep_stacks_fit_the_page_of_mount_options(disk: Path, count: int) -> None:
    driver = open_overlay(disk / ("long-name-of-a-data-root-" * 4))
    root = mount_writable(driver, made(driver, count))
    assert len(list(root.iterdir())) == count
    assert len(os.listdir("/proc/self/fd")) < 60


@pytest.mark.parametrize("name", ["with:colon", "with,comma", "with\\backslash", "with space", "ünï"])
def test_a_data_root_may_have_any_name(disk: Path, name: str) -> None:
    driver = open_overlay(disk / name)
    root = mount_writable(driver, made(driver, 3))
    assert len(list(root.iterdir())) == 3


def test_the_layout_is_dockers(disk: Path) -> None:
    driver = open_overlay(disk)
    upper, lower = made(driver, 2)
    home = disk / "overlay2"
    assert sorted(path.name for path in (home / upper).iterdir()) == [
        "diff",
        "link",
        "lower",
        "merged",
        "work",
    ]
    link = (home / lower / "link").read_text()
    assert (home / "l" / link).resolve() == home / lower / "diff"
    assert (home / upper / "lower").read_text() == f"l/{link}"
    data = driver.paths("f" * 64, [upper, lower])
    assert data["LowerDir"] == f"{home}/{upper}/diff:{home}/{lower}/diff"


def test_mounts_do_not_depend_on_the_kernels_defaults(disk: Path) -> None:
    driver = open_overlay(disk)
    root = mount_writable(driver, made(driver, 2))
    (entry,) = [entry for entry in mountinfo() if entry.mountpoint == str(root)]
    assert entry.fstype == "overlay"
    assert not {"metacopy=on", "redirect_dir=on", "index=on"} & set(entry.super_options)
    (root / "layer-0").rename(root / "renamed")
    assert (disk / "overlay2" / ("f" * 64) / "diff" / "renamed").read_text() == "x"


def test_links_that_were_lost_are_made_again(disk: Path) -> None:
    driver = open_overlay(disk)
    stack = made(driver, 2)
    (disk / "overlay2" / "l" / short_name(stack[0])).unlink()
    (disk / "overlay2" / "l" / "STRANGER").symlink_to("../nowhere/diff")
    driver.recover(stack)
    assert len(list((disk / "overlay2" / "l").iterdir())) == 2
    assert len(list(mount_writable(driver, stack).iterdir())) == 2


def test_the_probe_says_what_it_found_and_leaves_nothing(disk: Path) -> None:
    host = probe_overlay(str(disk))
    assert isinstance(host, OverlayHost)
    assert (host.backing, host.user_xattrs) == ("tmpfs", False)
    assert list(disk.iterdir()) == []
    assert dict(open_overlay(disk).status()) == {
        "Backing Filesystem": "tmpfs",
        "Supports d_type": "true",
        "Using metacopy": "false",
        "Native Overlay Diff": "true",
        "userxattr": "false",
    }


def test_where_overlayfs_cannot_be_the_probe_says_why_and_vfs_is_chosen(disk: Path) -> None:
    lower = open_overlay(disk)
    inside = mount_writable(lower, made(lower, 1)) / "root"
    inside.mkdir()
    reason = probe_overlay(str(inside))  # overlayfs on overlayfs has no upper directory
    assert isinstance(reason, str)
    assert backing_filesystem(str(inside)) == "overlay"
    assert open_driver(inside, None).name == "vfs"
    with pytest.raises(UnsupportedError, match="driver not supported: overlay2"):
        open_driver(inside, "overlay2")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("aufs", "the aufs storage-driver has been deprecated and removed"),
        ("devicemapper", "the devicemapper storage-driver has been deprecated and removed"),
        ("overlay", "the overlay storage-driver has been deprecated and removed"),
        ("zfs", "prerequisites for driver not satisfied (wrong filesystem?)"),
        ("btrfs", "prerequisites for driver not satisfied (wrong filesystem?)"),
        ("nonsense", "driver not supported: nonsense"),
    ],
)
def test_drivers_that_are_not_to_be_had_are_refused(disk: Path, name: str, why: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        open_driver(disk / "root", name)
    assert why in caught.value.message
    assert caught.value.message.startswith("error initializing graphdriver: ")
    assert list((disk / "root").iterdir()) == []


@pytest.mark.parametrize(
    ("driver", "option", "why"),
    [
        ("overlay2", "overlay2.size=10G", "Storage Option overlay2.size only supported for backingFS XFS"),
        ("overlay2", "dm.basesize=20G", "overlay2: unknown option dm.basesize"),
        ("vfs", "size=10G", "Filesystem does not support, or has not enabled quotas"),
        ("vfs", "vfs.what=1", "unknown option vfs.what for vfs"),
        ("overlay2", "nonsense", "unable to parse storage-opt option: nonsense"),
        ("overlay2", "overlay2.override_kernel_check=perhaps", "invalid syntax"),
    ],
)
def test_options_that_cannot_be_honoured_are_refused(disk: Path, driver: str, option: str, why: str) -> None:
    with pytest.raises((UnsupportedError, InvalidArgumentError)) as caught:
        open_driver(disk, driver, [option])
    assert why in caught.value.message


def test_an_option_of_the_past_changes_nothing(disk: Path) -> None:
    assert open_driver(disk, "overlay2", ["overlay2.override_kernel_check=true"]).name == "overlay2"
