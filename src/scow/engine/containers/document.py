"""Everything the OCI document of a start needs, looked up: users, devices, mounts, files of /etc.

Blocking: reads small files of the image and the host, makes missing bind sources. Runs in the pool.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from scow.config import Config
from scow.engine.containers.held_parts import hold_part
from scow.engine.containers.links import Linked, link_environment, renewed_hosts, running_targets
from scow.engine.containers.model import Container, MountRecord
from scow.engine.containers.mounts.sources import prepare_source
from scow.engine.containers.registry import Containers
from scow.engine.containers.sandbox import HOST, Sandbox
from scow.engine.networks.record import is_user_defined
from scow.errors import ConflictError, ScowError
from scow.linux.mounts import MS_NODEV, MS_NOEXEC, MS_NOSUID, mount
from scow.linux.rootpath import make_dirs_in_root, read_in_root
from scow.network.dns import server as dns_server
from scow.network.endpoint import Endpoint
from scow.runtime import device_nodes, devices, identity, mounts
from scow.runtime.bundle import SpecRequest, build_spec, cgroup_path
from scow.runtime.host_facts import HostFacts
from scow.runtime.mounts import MountSpec
from scow.runtime.namespaces import Namespaces, donor_of
from scow.runtime.process import container_environment
from scow.runtime.resources import block_device_paths
from scow.runtime.users import ResolvedUser, resolve_user
from scow.spec.oci_runtime import Document

# Nobody needs a passwd or group file larger than this; an image's could be endless.
_MAX_ACCOUNTS_BYTES = 4 * 1024 * 1024
HELD_PARTS = "parts"
"""Where, in the exec root, parts of volumes are held for a start."""

SHARED_MEMORY = "mounts/shm"
"""Where, in a container's folder, the /dev/shm is that others may join."""

_HOST_FILES = {"hosts": Path("/etc/hosts"), "resolv.conf": Path("/etc/resolv.conf")}


@dataclass(frozen=True, slots=True)
class Documents:
    """Builds documents for one engine."""

    config: Config
    facts: HostFacts
    containers: Containers

    def build(self, doc: Container, rootfs: Path, directory: Path, sandbox: Sandbox) -> Document:
        """The document for a start of ``doc``; writes hosts, hostname and resolv.conf to ``directory``.

        Raises ScowError with Docker's messages for whatever cannot be had.
        """
        hostname = self.hostname(doc)
        linked = running_targets(doc, self.containers)
        etc = self._write_identity(doc, directory, sandbox, linked)
        if doc.config.working_dir:
            _make_working_dir(rootfs, doc.config.working_dir)
        request = SpecRequest(
            id=doc.id,
            config=doc.config,
            host=doc.host,
            args=[doc.path, *doc.args],
            env=container_environment(
                doc.config.env or [],
                hostname,
                tty=doc.config.tty,
                links=link_environment(doc.name, linked),
            ),
            cwd=doc.config.working_dir,
            user=resolve_container_user(str(rootfs), doc, doc.config.user),
            rootfs=str(rootfs),
            hostname=hostname,
            mounts=[
                *(m for m in etc if not _covered(m, doc.mounts)),
                *self._user_mounts(doc, sandbox),
                *self._shm(doc, directory),
            ],
            namespaces=self._namespaces(doc, sandbox),
            cgroup_path=self.cgroup_path(doc),
            devices=self._devices(doc),
            block_devices=_block_devices(doc),
            default_ulimits=self.config.default_ulimits,
            default_no_new_privileges=self.config.no_new_privileges,
            default_seccomp=self.config.seccomp_profile,
            default_init=self.config.init,
        )
        self._tell_parents(doc, directory.parent, sandbox)
        return build_spec(request, self.facts)

    def _user_mounts(self, doc: Container, sandbox: Sandbox) -> list[MountSpec]:
        in_memory = doc.host.tmpfs if doc.host.tmpfs is not msgspec.UNSET else {}
        return [
            *(self._mount(record, sandbox) for record in doc.mounts),
            *(mounts.tmpfs_mount(path, options) for path, options in in_memory.items()),
        ]

    def links_of(self, doc: Container) -> list[str]:
        """The variables of a running container's links, for an exec; a target that has ended has none."""
        alive = {
            alias: target
            for alias, target in doc.links.items()
            if (live := self.containers.by_id(target)) and "bridge" in live.doc.endpoints
        }
        return link_environment(
            doc.name, running_targets(msgspec.structs.replace(doc, links=alive), self.containers)
        )

    def cgroup_path(self, doc: Container) -> str:
        """The control group of a container."""
        return cgroup_path(doc.id, doc.host.cgroup_parent, self.config.cgroup_parent)

    def _write_identity(
        self, doc: Container, directory: Path, sandbox: Sandbox, linked: Sequence[Linked]
    ) -> list[MountSpec]:
        if donor := donor_of(doc.host.network_mode):
            # Whoever shares a network shares what is said about names in it.
            directory = directory.parent / self.containers.get(donor).doc.id
        else:
            texts = {
                "hostname": identity.hostname_text(doc.config.hostname),
                "hosts": self._hosts(doc, sandbox, linked),
                "resolv.conf": self._resolv_conf(doc, sandbox),
            }
            for name, text in texts.items():
                (directory / name).write_text(text)
        writable = not doc.host.readonly_rootfs
        return [
            mounts.bind_mount(str(directory / name), f"/etc/{name}", writable=writable)
            for name in ("resolv.conf", "hostname", "hosts")
        ]

    def _resolv_conf(self, doc: Container, sandbox: Sandbox) -> str:
        embedded = any(map(is_user_defined, sandbox.endpoints))
        return identity.resolv_conf_text(
            _read_text(_HOST_FILES["resolv.conf"]),
            nameservers=doc.host.dns or self.config.dns,
            search=doc.host.dns_search or self.config.dns_search,
            options=doc.host.dns_options or self.config.dns_opts,
            host_network=sandbox.path == HOST,
            embedded=dns_server.ADDRESS if embedded else "",
        )

    def _hosts(self, doc: Container, sandbox: Sandbox, linked: Sequence[Linked]) -> str:
        extra = doc.host.extra_hosts or []
        if sandbox.path == HOST and not extra:
            return _read_text(_HOST_FILES["hosts"])
        return identity.hosts_text(
            doc.config.hostname,
            doc.config.domainname,
            addresses=own_addresses(sandbox.endpoints.values()),
            extra_hosts=extra,
            linked=[(link.address, link.names()) for link in linked],
            gateways=sandbox.host_gateways,
        )

    def _tell_parents(self, doc: Container, root: Path, sandbox: Sandbox) -> None:
        """Running containers that link to this one learn where it is now."""
        endpoint = sandbox.endpoints.get("bridge")
        if endpoint is None:
            return
        for live in self.containers:
            for alias, target in live.doc.links.items():
                path = root / live.doc.id / "hosts"
                if target == doc.id and live.doc.alive and path.exists():
                    # Written in place: the file is mounted.
                    path.write_text(renewed_hosts(path.read_text(), alias, endpoint.address))

    def _mount(self, record: MountRecord, sandbox: Sandbox) -> MountSpec:
        if record.type == "tmpfs":
            words = [] if record.writable else ["ro"]
            return mounts.tmpfs_mount(record.destination, ",".join([*words, *record.options]))
        prepare_source(record)
        read_only = mounts.read_only_option(
            supported=self.facts.recursive_read_only,
            non_recursive="readonly-nonrecursive" in record.options,
            force_recursive="readonly-force-recursive" in record.options,
        )
        source = self._source(record, sandbox)
        if read_only == "rro" and not os.path.isdir(source):
            # Nothing is mounted below a file, and crun 1.8 opens whatever is to be ``rro`` as a directory.
            read_only = "ro"
        return mounts.bind_mount(
            source,
            record.destination,
            writable=record.writable,
            propagation=record.propagation,
            recursive="nonrecursive" not in record.options,
            read_only=read_only,
            host_flags=mounts.flags_of_host(source),
        )

    def _source(self, record: MountRecord, sandbox: Sandbox) -> str:
        if not record.subpath:
            return record.source
        sandbox.held.append(hold_part(self.config.exec_root / HELD_PARTS, record.source, record.subpath))
        return str(sandbox.held[-1])

    def hostname(self, doc: Container) -> str:
        """Whoever shares another's network has its name."""
        donor = donor_of(doc.host.network_mode)
        return doc.config.hostname or (self.containers.get(donor).doc.config.hostname if donor else "")

    def _shm(self, doc: Container, directory: Path) -> list[MountSpec]:
        """The /dev/shm that goes with a shared IPC namespace; a private one the runtime makes.

        One that others may join is mounted outside: a mount inside cannot be bound from another namespace.
        """
        mode = doc.host.ipc_mode
        if mode == "host":
            return [mounts.bind_mount("/dev/shm", "/dev/shm")]
        if donor := donor_of(mode):
            return [mounts.bind_mount(str(self._shared_memory_of(donor, directory.parent)), "/dev/shm")]
        if mode != "shareable":
            return []
        path = directory / SHARED_MEMORY
        if not path.is_mount():
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            mount(
                "shm",
                str(path),
                fstype="tmpfs",
                flags=MS_NOSUID | MS_NODEV | MS_NOEXEC,
                data=f"mode=1777,size={doc.host.shm_size}",
            )
        return [mounts.bind_mount(str(path), "/dev/shm")]

    def _shared_memory_of(self, ref: str, root: Path) -> Path:
        """Where the /dev/shm is that another container shares."""
        other = self._donor(ref, "IPC")
        if other.host.ipc_mode != "shareable":
            raise ScowError(
                f"failed to join IPC namespace: container {other.id}: non-shareable IPC "
                "(hint: use IpcMode:shareable for the donor container)"
            )
        return root / other.id / SHARED_MEMORY

    def _donor(self, ref: str, namespace: str) -> Container:
        other = self.containers.get(ref).doc
        if not other.alive:
            raise ConflictError(f"failed to join {namespace} namespace: container {other.id} is not running")
        return other

    def _namespaces(self, doc: Container, sandbox: Sandbox) -> Namespaces:
        host = doc.host
        private_cgroup = host.cgroupns_mode == "private" and self.facts.machine.cgroup_namespaces
        return Namespaces(
            network=sandbox.path,
            pid=self._joined(host.pid_mode, "pid"),
            ipc=self._joined(host.ipc_mode, "ipc"),
            uts=HOST if host.uts_mode == "host" else None,
            cgroup=None if private_cgroup else HOST,
        )

    def _joined(self, mode: str, namespace: str) -> str | None:
        if mode == "host":
            return HOST
        donor = donor_of(mode)
        if donor is None:
            return None
        other = self._donor(donor, namespace.upper())
        return f"/proc/{other.state.pid}/ns/{namespace}"

    def _devices(self, doc: Container) -> list[devices.GrantedDevice]:
        if doc.host.privileged:
            return [devices.GrantedDevice(node) for node in device_nodes.host_devices()]
        found: list[devices.GrantedDevice] = []
        for mapping in doc.host.devices or []:
            real, nodes = device_nodes.devices_at(mapping.path_on_host)
            inside = mapping.path_in_container or mapping.path_on_host
            found += devices.granted(nodes, real, inside, mapping.cgroup_permissions)
        return found


def own_addresses(endpoints: Iterable[Endpoint]) -> list[str]:
    """Those that a container's own name stands for."""
    return [text for it in endpoints for text in (it.address, it.address6) if text]


def resolve_container_user(root: str | int, doc: Container, user: str) -> ResolvedUser:
    """``user`` as numbers, by the accounts below ``root``. Raises ScowError with Docker's messages."""
    return resolve_user(user, _accounts(root, "passwd"), _accounts(root, "group"), doc.host.group_add or [])


def _accounts(root: str | int, name: str) -> str:
    try:
        data = read_in_root(root, f"/etc/{name}", _MAX_ACCOUNTS_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    return data.decode(errors="replace")


def _make_working_dir(rootfs: Path, path: str) -> None:
    """Make the directory that the first process begins in. Raises ScowError, OSError."""
    try:
        os.close(make_dirs_in_root(str(rootfs), path, 0o755, 0, 0))
    except NotADirectoryError as exc:
        raise ScowError(f"Cannot mkdir: {path} is not a directory") from exc


def _covered(mount: MountSpec, records: Sequence[MountRecord]) -> bool:
    return any(record.destination == mount.destination for record in records)


def _block_devices(doc: Container) -> dict[str, tuple[int, int]]:
    return {path: device_nodes.block_device_numbers(path) for path in block_device_paths(doc.host)}


def _read_text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
