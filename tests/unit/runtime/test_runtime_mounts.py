import pytest

from scow.errors import ScowError
from scow.runtime.mounts import (
    MountSpec,
    all_mounts,
    bind_mount,
    check_source_propagation,
    read_only_option,
    root_propagation,
    tmpfs_mount,
    tmpfs_option_text,
)
from scow.spec.engine_api.container import TmpfsOptions
from scow.spec.oci_runtime import Mount


def mounts(
    *own: MountSpec, shm: int | None = 64, writable: bool = False, init: str | None = None
) -> dict[str, Mount]:
    made = all_mounts(
        own, shm_size_bytes=shm, writable_sys=writable, writable_cgroups=writable, init_path=init
    )
    return {mount["destination"]: mount for mount in made}


def test_a_users_mount_replaces_the_default_one() -> None:
    made = mounts(tmpfs_mount("/dev/shm"), bind_mount("/a", "/sys"))
    assert made["/sys"]["source"] == "/a"
    assert "size=64" not in made["/dev/shm"]["options"]


def test_a_mount_on_dev_leaves_nothing_of_ours_below() -> None:
    assert not [path for path in mounts(bind_mount("/dev", "/dev")) if path.startswith("/dev/")]


def test_deeper_mounts_come_later_and_equals_stay_in_order() -> None:
    own = [bind_mount("/s", path) for path in ("/a/b/c", "/z", "/a/b", "/a")]
    assert [path for path in mounts(*own) if path[1] in "az"] == ["/z", "/a", "/a/b", "/a/b/c"]


def test_no_ipc_means_no_shared_memory() -> None:
    assert "/dev/shm" not in mounts(shm=None)


def test_a_privileged_container_may_write_sys_and_control_groups() -> None:
    made = mounts(writable=True)
    assert not any("ro" in made[path]["options"] for path in ("/sys", "/sys/fs/cgroup"))


def test_the_init_program_is_mounted_read_only() -> None:
    assert mounts(init="/usr/bin/tini")["/sbin/docker-init"] == {
        "destination": "/sbin/docker-init",
        "type": "bind",
        "source": "/usr/bin/tini",
        "options": ["bind", "ro"],
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", ["noexec", "nosuid", "nodev", "rprivate"]),
        ("rw,size=100m,exec", ["nosuid", "nodev", "rprivate", "rw", "size=100m", "exec"]),
        ("size=1,size=2", ["noexec", "nosuid", "nodev", "rprivate", "size=2"]),
        ("defaults,shared", ["noexec", "nosuid", "nodev", "shared"]),
    ],
)
def test_the_last_of_contradicting_tmpfs_options_wins(options: str, expected: list[str]) -> None:
    assert list(tmpfs_mount("/t", options).options) == expected


@pytest.mark.parametrize("option", ["bogus", "bogus=1", "size"])
def test_an_option_that_tmpfs_lacks_is_an_error(option: str) -> None:
    with pytest.raises(ScowError, match=r'^invalid tmpfs option "(bogus|size)"$'):
        tmpfs_mount("/t", option)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (None, "ro"),
        (TmpfsOptions(size_bytes=3 << 30, mode=0o1770), "ro,mode=1770,size=3g"),
        (TmpfsOptions(size_bytes=1 << 20), "ro,size=1m"),
        (TmpfsOptions(size_bytes=3000, options=[["exec"]]), "ro,size=3000,exec"),
    ],
)
def test_a_tmpfs_mount_is_written_as_the_flag_takes_it(options: TmpfsOptions | None, text: str) -> None:
    assert tmpfs_option_text(options, read_only=True) == text


def test_read_only_is_recursive_where_that_is_possible() -> None:
    assert read_only_option(supported=True) == "rro"
    assert read_only_option(supported=False) == "ro"
    assert read_only_option(supported=True, non_recursive=True) == "ro"
    with pytest.raises(ScowError, match="rro is not supported"):
        read_only_option(supported=False, force_recursive=True)
    with pytest.raises(ScowError, match="mount options conflict"):
        read_only_option(supported=True, non_recursive=True, force_recursive=True)


@pytest.mark.parametrize(
    ("propagations", "expected"),
    [((), None), (("rprivate",), None), (("rslave",), "rslave"), (("rslave", "rshared"), "shared")],
)
def test_the_root_mount_lets_the_mounts_below_propagate(
    propagations: tuple[str, ...], expected: str | None
) -> None:
    assert root_propagation([bind_mount("/s", "/d", propagation=p) for p in propagations]) == expected


@pytest.mark.parametrize(
    ("propagation", "kind", "message"),
    [
        ("rshared", "private", "path /s is mounted on / but it is not a shared mount"),
        ("shared", "slave", "path /s is mounted on / but it is not a shared mount"),
        ("rslave", "private", "path /s is mounted on / but it is not a shared or slave mount"),
    ],
)
def test_a_source_must_be_able_to_propagate(propagation: str, kind: str, message: str) -> None:
    with pytest.raises(ScowError) as caught:
        check_source_propagation(propagation, "/s", "/", kind)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("propagation", "kind"), [("rslave", "slave"), ("shared", "shared"), ("", "private")]
)
def test_a_source_that_can_propagate_passes(propagation: str, kind: str) -> None:
    check_source_propagation(propagation, "/s", "/", kind)
