"""LLB, BuildKit's form of a graph: its messages, solver/pb/ops.proto of BuildKit 0.29.

A definition is a list of operations, each in its own bytes; who needs one names it by the sha256 of these.
Fields that are not honoured stand here too, so that they can be refused by name. Enumerations are numbers;
an index of -1 is "nothing".
"""

from dataclasses import dataclass
from enum import IntEnum

from scow.spec.protobuf import (
    Message,
    boolean,
    booleans_by_text,
    inner,
    integer,
    integers,
    many,
    mapping,
    messages_by_text,
    octets,
    several_octets,
    text,
    texts,
)

NOTHING = -1
"""An index that stands for no input, or no output."""
ROOT = "/"
"""Where the file system is mounted that a program runs in."""


class NetMode(IntEnum):
    SANDBOX = 0
    HOST = 1
    NONE = 2


class MountType(IntEnum):
    BIND = 0
    SECRET = 1
    SSH = 2
    CACHE = 3
    TMPFS = 4


@dataclass(frozen=True)
class Platform(Message):
    architecture: str = text(1)
    os: str = text(2)
    variant: str = text(3)
    os_version: str = text(4)
    os_features: tuple[str, ...] = texts(5)


@dataclass(frozen=True)
class Input(Message):
    """What an operation needs: output ``index`` of the operation with this digest."""

    digest: str = text(1)
    index: int = integer(2)


# Programs


@dataclass(frozen=True)
class ProxyEnv(Message):
    http_proxy: str = text(1)
    https_proxy: str = text(2)
    ftp_proxy: str = text(3)
    no_proxy: str = text(4)
    all_proxy: str = text(5)


@dataclass(frozen=True)
class HostIp(Message):
    host: str = text(1)
    ip: str = text(2)


@dataclass(frozen=True)
class Ulimit(Message):
    name: str = text(1)
    soft: int = integer(2)
    hard: int = integer(3)


@dataclass(frozen=True)
class Meta(Message):
    args: tuple[str, ...] = texts(1)
    env: tuple[str, ...] = texts(2)
    cwd: str = text(3)
    user: str = text(4)
    proxy_env: ProxyEnv | None = inner(5, ProxyEnv)
    extra_hosts: tuple[HostIp, ...] = many(6, HostIp)
    hostname: str = text(7)
    ulimit: tuple[Ulimit, ...] = many(9, Ulimit)
    cgroup_parent: str = text(10)
    remove_mount_stubs_recursive: bool = boolean(11)
    valid_exit_codes: tuple[int, ...] = integers(12)


@dataclass(frozen=True)
class TmpfsOpt(Message):
    size: int = integer(1)


@dataclass(frozen=True)
class CacheOpt(Message):
    """``sharing``: 0 shared, 1 private, 2 locked."""

    id: str = text(1)
    sharing: int = integer(2)


@dataclass(frozen=True)
class LentOpt(Message):
    """SecretOpt and SSHOpt, which are alike."""

    id: str = text(1)
    uid: int = integer(2)
    gid: int = integer(3)
    mode: int = integer(4)
    optional: bool = boolean(5)


@dataclass(frozen=True)
class Mount(Message):
    """``selector`` is a path in the input; what is written becomes output ``output`` of the operation."""

    input: int = integer(1)
    selector: str = text(2)
    dest: str = text(3)
    output: int = integer(4)
    readonly: bool = boolean(5)
    mount_type: int = integer(6)
    tmpfs_opt: TmpfsOpt | None = inner(19, TmpfsOpt)
    cache_opt: CacheOpt | None = inner(20, CacheOpt)
    secret_opt: LentOpt | None = inner(21, LentOpt)
    ssh_opt: LentOpt | None = inner(22, LentOpt)
    result_id: str = text(23)
    content_cache: int = integer(24)


@dataclass(frozen=True)
class SecretEnv(Message):
    id: str = text(1)
    name: str = text(2)
    optional: bool = boolean(3)


@dataclass(frozen=True)
class CdiDevice(Message):
    name: str = text(1)
    optional: bool = boolean(2)


@dataclass(frozen=True)
class ExecOp(Message):
    """``security`` 1 is all rights."""

    meta: Meta | None = inner(1, Meta)
    mounts: tuple[Mount, ...] = many(2, Mount)
    network: int = integer(3)
    security: int = integer(4)
    secret_env: tuple[SecretEnv, ...] = many(5, SecretEnv)
    cdi_devices: tuple[CdiDevice, ...] = many(6, CdiDevice)


# Files


@dataclass(frozen=True)
class NamedUser(Message):
    """By the accounts of the file system that is input ``input``."""

    name: str = text(1)
    input: int = integer(2)


@dataclass(frozen=True)
class User(Message):
    by_name: NamedUser | None = inner(1, NamedUser)
    by_id: int = integer(2)


@dataclass(frozen=True)
class Chown(Message):
    user: User | None = inner(1, User)
    group: User | None = inner(2, User)


@dataclass(frozen=True)
class FileCopy(Message):
    """``mode`` -1 and ``timestamp`` (nanoseconds) -1 keep what the source has."""

    src: str = text(1)
    dest: str = text(2)
    owner: Chown | None = inner(3, Chown)
    mode: int = integer(4)
    follow_symlink: bool = boolean(5)
    dir_copy_contents: bool = boolean(6)
    attempt_unpack: bool = boolean(7)
    create_dest_path: bool = boolean(8)
    allow_wildcard: bool = boolean(9)
    allow_empty_wildcard: bool = boolean(10)
    timestamp: int = integer(11)
    include_patterns: tuple[str, ...] = texts(12)
    exclude_patterns: tuple[str, ...] = texts(13)
    always_replace: bool = boolean(14)
    mode_text: str = text(15)
    required_paths: tuple[str, ...] = texts(16)


@dataclass(frozen=True)
class FileMake(Message):
    """FileActionMkFile."""

    path: str = text(1)
    mode: int = integer(2)
    data: bytes = octets(3)
    owner: Chown | None = inner(4, Chown)
    timestamp: int = integer(5)


@dataclass(frozen=True)
class FolderMake(Message):
    """FileActionMkDir."""

    path: str = text(1)
    mode: int = integer(2)
    make_parents: bool = boolean(3)
    owner: Chown | None = inner(4, Chown)
    timestamp: int = integer(5)


@dataclass(frozen=True)
class FileRemove(Message):
    path: str = text(1)
    allow_not_found: bool = boolean(2)
    allow_wildcard: bool = boolean(3)


@dataclass(frozen=True)
class SymlinkMake(Message):
    """``old_path`` is what the link says, ``new_path`` where it is."""

    old_path: str = text(1)
    new_path: str = text(2)
    owner: Chown | None = inner(3, Chown)
    timestamp: int = integer(4)


@dataclass(frozen=True)
class FileAction(Message):
    """Indexes count the operation's inputs first, then what its actions made."""

    input: int = integer(1)
    secondary_input: int = integer(2)
    output: int = integer(3)
    copy: FileCopy | None = inner(4, FileCopy)
    mkfile: FileMake | None = inner(5, FileMake)
    mkdir: FolderMake | None = inner(6, FolderMake)
    rm: FileRemove | None = inner(7, FileRemove)
    symlink: SymlinkMake | None = inner(8, SymlinkMake)


@dataclass(frozen=True)
class FileOp(Message):
    actions: tuple[FileAction, ...] = many(2, FileAction)


# Everything else


@dataclass(frozen=True)
class SourceOp(Message):
    identifier: str = text(1)
    attributes: dict[str, str] = mapping(2)


@dataclass(frozen=True)
class IndexMessage(Message):
    """MergeInput, LowerDiffInput and UpperDiffInput."""

    input: int = integer(1)


@dataclass(frozen=True)
class MergeOp(Message):
    inputs: tuple[IndexMessage, ...] = many(1, IndexMessage)


@dataclass(frozen=True)
class DiffOp(Message):
    lower: IndexMessage | None = inner(1, IndexMessage)
    upper: IndexMessage | None = inner(2, IndexMessage)


@dataclass(frozen=True)
class Ignored(Message):
    """Something whose content does not matter, only that it is there."""


@dataclass(frozen=True)
class WorkerConstraints(Message):
    filter: tuple[str, ...] = texts(1)


@dataclass(frozen=True)
class Op(Message):
    inputs: tuple[Input, ...] = many(1, Input)
    exec: ExecOp | None = inner(2, ExecOp)
    source: SourceOp | None = inner(3, SourceOp)
    file: FileOp | None = inner(4, FileOp)
    build: Ignored | None = inner(5, Ignored)
    merge: MergeOp | None = inner(6, MergeOp)
    diff: DiffOp | None = inner(7, DiffOp)
    passthrough: Ignored | None = inner(8, Ignored)
    platform: Platform | None = inner(10, Platform)
    constraints: WorkerConstraints | None = inner(11, WorkerConstraints)


@dataclass(frozen=True)
class OpMetadata(Message):
    ignore_cache: bool = boolean(1)
    description: dict[str, str] = mapping(2)
    caps: dict[str, bool] = booleans_by_text(5)
    linux_resources: Ignored | None = inner(7, Ignored)


@dataclass(frozen=True)
class Definition(Message):
    """The last operation says by its one input which result is wanted."""

    operations: tuple[bytes, ...] = several_octets(1)
    metadata: dict[str, OpMetadata] = messages_by_text(2, OpMetadata)


@dataclass(frozen=True)
class SourcePosition(Message):
    """``line`` counts from 1."""

    line: int = integer(1)
    character: int = integer(2)


@dataclass(frozen=True)
class SourceRange(Message):
    start: SourcePosition | None = inner(1, SourcePosition)
    end: SourcePosition | None = inner(2, SourcePosition)


@dataclass(frozen=True)
class SourceInfo(Message):
    """A file that a graph was made of."""

    filename: str = text(1)
    data: bytes = octets(2)
