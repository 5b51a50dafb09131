"""Our OCI documents against those that dockerd 20.10 wrote for the same requests.

``dockerd-20.10.json`` has its document for a container without settings, ``plain``, and for each case the
request and what it changed in that document (a merge patch). Where newer engines differ, and where scow does
on purpose, ``as_docker`` says so.
"""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scow.runtime import devices, mounts
from scow.runtime.bundle import SpecRequest, build_spec
from scow.runtime.defaults import fill_host_config
from scow.runtime.namespaces import HOST, Namespaces
from scow.runtime.process import container_environment
from scow.runtime.users import resolve_user
from scow.spec.engine_api.body import decode_body
from scow.spec.engine_api.container import ContainerCreate, HostConfig
from tests.support.machine import host_facts

GOLDEN = json.loads((Path(__file__).parent / "oci_documents" / "dockerd-20.10.json").read_text())
PASSWD = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n"
GROUP = "root:x:0:\ndaemon:x:1:\napp:x:1000:\nvideo:x:44:app,root\nextra:x:55:app\n"
HOST_DEVICES = [
    devices.DeviceNode("/dev/full", "c", 1, 7, 0o666),
    devices.DeviceNode("/dev/fuse", "c", 10, 229, 0o600),
    devices.DeviceNode("/dev/kmsg", "c", 1, 11, 0o644),
]
# Masked by engines newer than 20.10.
NEWER_MASKS = {"/proc/interrupts", "/sys/devices/virtual/powercap"}
# Names that Debian 12's dockerd does not know.
NEWER_CAPABILITIES = {"CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"}


class Defaults:
    default_runtime = "runc"
    log_driver = "json-file"
    log_opts: Mapping[str, str] = {}
    default_shm_size_bytes = 64 << 20
    default_ipc_mode = "private"
    default_cgroupns_mode = ""


def merged(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """RFC 7386."""
    result = dict(base)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def our_document(request: dict[str, Any]) -> dict[str, Any]:
    """What scow writes; the engine's part, looking things up, is done by hand."""
    body = decode_body(json.dumps(request).encode(), ContainerCreate)
    everything = frozenset(host_facts().capabilities) - NEWER_CAPABILITIES
    facts = host_facts(capabilities=everything)
    host = fill_host_config(body.host_config, Defaults(), facts)
    hostname = body.hostname or ("vm" if host.network_mode == "host" else "SHORT")
    document = build_spec(
        SpecRequest(
            id="ID",
            config=body,
            host=host,
            args=body.cmd if isinstance(body.cmd, list) else [],
            env=container_environment(body.env or [], hostname, tty=body.tty),
            cwd=body.working_dir,
            user=resolve_user(body.user, PASSWD, GROUP, host.group_add or []),
            rootfs="/rootfs",
            hostname=hostname,
            mounts=user_mounts(host),
            namespaces=Namespaces(
                network=HOST if host.network_mode == "host" else None,
                pid=HOST if host.pid_mode == "host" else None,
                uts=HOST if host.uts_mode == "host" else None,
                cgroup=None if host.cgroupns_mode == "private" else HOST,
            ),
            devices=granted_devices(host),
            block_devices={"/dev/loop0": (7, 0)},
        ),
        facts,
    )
    written: dict[str, Any] = json.loads(msgspec.json.encode(document))
    return written


def user_mounts(host: HostConfig) -> list[mounts.MountSpec]:
    found = []
    for bind in host.binds or []:
        source, destination, *mode = bind.split(":")
        named = not source.startswith("/")
        path = f"/data-root/volumes/{source}/_data" if named else source
        propagation = "" if named else "rprivate"
        found.append(mounts.bind_mount(path, destination, writable=not mode, propagation=propagation))
    for mount in host.mounts or []:
        if mount.type == "tmpfs":
            text = mounts.tmpfs_option_text(mount.tmpfs_options, read_only=mount.read_only)
            found.append(mounts.tmpfs_mount(mount.target, text))
        else:
            found.append(
                mounts.bind_mount(
                    mount.source, mount.target, writable=False, propagation="private", recursive=False
                )
            )
    found += [mounts.tmpfs_mount(path, text) for path, text in (host.tmpfs or {}).items()]
    etc = ("resolv.conf", "hostname", "hosts")
    return found + [
        mounts.bind_mount(
            f"/data-root/containers/ID/{name}", f"/etc/{name}", writable=not host.readonly_rootfs
        )
        for name in etc
    ]


def granted_devices(host: HostConfig) -> list[devices.GrantedDevice]:
    if host.privileged:
        return [devices.GrantedDevice(node) for node in HOST_DEVICES]
    return [
        granted
        for mapping in host.devices or []
        for granted in devices.granted(
            [node for node in HOST_DEVICES if node.path == mapping.path_on_host],
            mapping.path_on_host,
            mapping.path_in_container,
            mapping.cgroup_permissions,
        )
    ]


def as_docker(document: dict[str, Any]) -> dict[str, Any]:
    """``document`` with everything put away that may differ, and sets sorted."""
    document = copy.deepcopy(document)
    process, linux = document["process"], document["linux"]
    document.pop("ociVersion")
    document["root"].setdefault("readonly", False)
    process.setdefault("terminal", False)
    process["user"]["additionalGids"] = sorted(process["user"]["additionalGids"])
    # 20.10 leaves an ordinary user's other sets empty; newer ones fill them, and exec(2) empties them.
    process["capabilities"] = sorted(process["capabilities"]["bounding"])
    linux["maskedPaths"] = sorted(set(linux.get("maskedPaths", ())) - NEWER_MASKS)
    linux.setdefault("readonlyPaths", [])
    linux.setdefault("sysctl", {})
    process.pop("consoleSize", None)  # 20.10 resizes the terminal after the start instead
    # 20.10 joins the host's network by a path; without an entry a container stays in it as well
    linux["namespaces"] = [n for n in linux["namespaces"] if not n.get("path", "").endswith("/netns/default")]
    linux["cgroupsPath"] = linux["cgroupsPath"].replace("/docker/", "/scow/")
    linux["seccomp"] = bool(linux.get("seccomp"))
    document["mounts"] = {mount.pop("destination"): mount for mount in document["mounts"]}
    # 20.10 writes zero for "not limited"
    resources = linux["resources"]
    for group, name in (("cpu", "shares"), ("blockIO", "weight")):
        if resources.get(group, {}).get(name) == 0:
            del resources[group][name]
    for rule in resources["devices"]:
        for name in ("major", "minor"):
            if rule.get(name) == -1:  # the same as none, but to crun
                del rule[name]
    for group in ("memory", "cpu", "blockIO"):
        resources.setdefault(group, {})
    return document


@pytest.mark.parametrize("name", sorted(GOLDEN["cases"]))
def test_the_document_is_what_dockerd_writes(name: str) -> None:
    case = GOLDEN["cases"][name]
    expected = merged(GOLDEN["plain"], case["changes"])
    ours, theirs = as_docker(our_document(case["request"])), as_docker(expected)
    assert ours == theirs


@pytest.mark.parametrize("name", sorted(GOLDEN["cases"]))
def test_no_mount_comes_after_one_below_it(name: str) -> None:
    places = [mount["destination"] for mount in our_document(GOLDEN["cases"][name]["request"])["mounts"]]
    for index, place in enumerate(places):
        assert not any(earlier.startswith(place + "/") for earlier in places[:index])
