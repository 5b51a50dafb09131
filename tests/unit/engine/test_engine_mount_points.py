"""The grammars of ``-v`` and ``--mount``."""

import pytest

from scow.engine.containers.mounts.points import from_mount, parse_bind, parse_volumes_from
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.container import BindOptions, Mount, TmpfsOptions, VolumeDriverConfig, VolumeOptions


def test_a_host_path_is_a_bind_that_may_be_made() -> None:
    record = parse_bind("/host/dir/:/in/../in/side:ro,rslave")
    assert (record.type, record.source, record.destination) == ("bind", "/host/dir", "/in/side")
    assert not record.writable
    assert record.propagation == "rslave"
    assert record.create_source


def test_a_name_is_a_volume_and_a_lone_path_an_anonymous_one() -> None:
    named, anonymous = parse_bind("data:/data:nocopy"), parse_bind("/data")
    assert (named.type, named.name, named.options, named.anonymous) == ("volume", "data", ["nocopy"], False)
    assert (anonymous.type, anonymous.name, anonymous.anonymous) == ("volume", "", True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid volume specification: ''"),
        (":/x", "invalid volume specification: ':/x'"),
        ("/a:/b:ro:x", "invalid volume specification: '/a:/b:ro:x'"),
        ("/a:ro", "invalid volume specification: '/a:ro'"),
        ("/a:/b:bogus", "invalid mode: bogus"),
        ("/a:/b:ro,rw", "invalid mode: ro,rw"),
        ("/a:/b:shared,slave", "invalid mode: shared,slave"),
        (
            "/a:/b:nocopy",
            "invalid volume specification: '/a:/b:nocopy': invalid mount config for type \"bind\": "
            "field VolumeOptions must not be specified",
        ),
        (
            "a:/b:shared",
            "invalid volume specification: 'a:/b:shared': invalid mount config for type \"volume\": "
            "field BindOptions must not be specified",
        ),
        (
            "/a:b",
            "invalid volume specification: '/a:b': invalid mount config for type \"bind\": "
            "invalid mount path: 'b' mount path must be absolute",
        ),
        (
            "/a:/",
            "invalid volume specification: '/a:/': invalid mount config for type \"bind\": "
            "invalid specification: destination can't be '/'",
        ),
    ],
)
def test_a_bad_bind_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_bind(text)
    assert caught.value.message == message


def test_a_mount_needs_a_known_type_and_an_absolute_target() -> None:
    with pytest.raises(InvalidArgumentError, match=r'for type "floppy": mount type unknown$'):
        from_mount(Mount(type="floppy", target="/x"))
    with pytest.raises(InvalidArgumentError, match="field Target must not be empty"):
        from_mount(Mount(type="bind", source="/x"))
    with pytest.raises(InvalidArgumentError, match="field Source must not be empty"):
        from_mount(Mount(type="bind", target="/x"))
    with pytest.raises(InvalidArgumentError, match="field Source must not be specified"):
        from_mount(Mount(type="tmpfs", source="/x", target="/x"))
    with pytest.raises(InvalidArgumentError, match="invalid propagation mode: up"):
        from_mount(Mount(type="bind", source="/x", target="/x", bind_options=BindOptions(propagation="up")))


def test_a_tmpfs_mount_carries_size_and_mode() -> None:
    options = TmpfsOptions(size_bytes=4096, mode=0o1777)
    record = from_mount(Mount(type="tmpfs", target="/t", tmpfs_options=options))
    assert record.options == ["mode=1777", "size=4k"]


def test_an_option_that_tmpfs_mounts_may_not_have_is_refused() -> None:
    options = TmpfsOptions(options=[["huge", "always"]])
    with pytest.raises(
        InvalidArgumentError, match=r'^invalid mount config for type "tmpfs": invalid option: huge$'
    ):
        from_mount(Mount(type="tmpfs", target="/t", tmpfs_options=options))


def test_how_far_read_only_reaches_is_kept() -> None:
    options = BindOptions(non_recursive=True, read_only_non_recursive=True)
    record = from_mount(Mount(type="bind", source="/x", target="/x", read_only=True, bind_options=options))
    assert record.options == ["nonrecursive", "readonly-nonrecursive"]


def test_how_far_read_only_reaches_is_nothing_to_say_of_a_writable_mount() -> None:
    options = BindOptions(read_only_force_recursive=True)
    with pytest.raises(
        InvalidArgumentError, match=r"^mount options conflict: !ReadOnly && BindOptions\.ReadOnlyForce"
    ):
        from_mount(Mount(type="bind", source="/x", target="/x", bind_options=options))


def test_volumes_from_names_a_container_and_may_only_make_less_writable() -> None:
    assert parse_volumes_from("donor") == ("donor", True)
    assert parse_volumes_from("donor:rw") == ("donor", True)
    assert parse_volumes_from("donor:ro,z") == ("donor", False)
    for text, message in {
        "": "volumes-from specification cannot be an empty string",
        "donor:nocopy": "invalid mode: nocopy",
        "donor:shared": "invalid mode: shared",
        "donor:bogus": "invalid mode: bogus",
    }.items():
        with pytest.raises(InvalidArgumentError) as caught:
            parse_volumes_from(text)
        assert caught.value.message == message


def inside(subpath: str) -> VolumeOptions:
    return VolumeOptions(subpath=subpath)


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        (Mount(type="bind", source="/s", target="/t", volume_options=VolumeOptions()), "field VolumeOptions"),
        (Mount(type="volume", source="s", target="/t", tmpfs_options=TmpfsOptions()), "field TmpfsOptions"),
        (Mount(type="volume", target="/t", volume_options=inside("a")), "must not set Subpath"),
        (Mount(type="volume", source="s", target="/t", volume_options=inside("a/../..")), "subpath"),
        (Mount(type="volume", source="s", target="/t", volume_options=inside("/a")), "subpath"),
        (Mount(type="volume", target="/t", read_only=True), "must not set ReadOnly mode"),
        (Mount(type="image", target="/t"), "field Source must not be empty"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused(mount: Mount, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f'for type "{mount.type}": {message}'):
        from_mount(mount)


def test_a_volume_mount_has_its_driver_and_the_part_it_begins_at() -> None:
    options = VolumeOptions(subpath="a/./b", driver_config=VolumeDriverConfig(name="flocker"))
    record = from_mount(Mount(type="volume", source="s", target="/t", volume_options=options))
    assert (record.driver, record.subpath, record.mode) == ("flocker", "a/b", "")
