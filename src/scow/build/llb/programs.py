"""Exec operations: a program, what is mounted for it, and which of that are its results."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from scow.build.graph.ops import Mount, RunOp
from scow.build.graph.settings import Settings
from scow.errors import InvalidArgumentError, UnsupportedError
from scow.spec import llb
from scow.spec.llb import NOTHING, ROOT, ExecOp, Meta, MountType, NetMode

_SHARINGS: tuple[Literal["shared", "private", "locked"], ...] = ("shared", "private", "locked")
_NETWORKS = {NetMode.SANDBOX: "default", NetMode.HOST: "host", NetMode.NONE: "none"}


@dataclass(frozen=True, slots=True)
class Output:
    """A result: what a program left where it ran, or on the kept mount of this number, or just an input."""

    kind: Literal["root", "mount", "input"]
    number: int = 0


@dataclass(frozen=True, slots=True)
class Program:
    """``base`` is the input that it runs in, ``inputs`` those that are mounted, which mounts count by."""

    op: RunOp
    base: int
    inputs: tuple[int, ...]
    outputs: Mapping[int, Output]
    settings: Settings


def program_of(op: ExecOp, inputs: int, settings: Settings) -> Program:
    """Of an operation with so many inputs. Raises InvalidArgumentError, UnsupportedError."""
    meta = op.meta or Meta()
    if op.cdi_devices:
        raise UnsupportedError(f"devices of builds are not supported: {op.cdi_devices[0].name}")
    mounts, used = [], list[int]()
    outputs: dict[int, Output] = {}
    root: llb.Mount | None = None
    kept = 0
    for mount in op.mounts:
        if not NOTHING <= mount.input < inputs:
            raise InvalidArgumentError(f"invalid mountinput {mount.input}")
        if mount.dest == ROOT:
            root = _checked_root(mount)
            output = Output("root")
        else:
            found = _mount(mount, len(used))
            if found.from_ >= 0:
                used.append(mount.input)
            mounts.append(found)
            output = Output("mount", kept) if found.keeps else Output("input", mount.input)
            kept += found.keeps
        if mount.output != NOTHING and mount.mount_type == MountType.BIND:
            if mount.output in outputs:
                raise InvalidArgumentError(f"duplicate output {mount.output}")
            outputs[mount.output] = output
    assert root is not None, "read_definition has checked it"
    run = RunOp(
        args=meta.args,
        env=meta.env,
        cwd=meta.cwd or "/",
        user=meta.user,
        network=_network(op.network),
        insecure=op.security == 1,
        mounts=(*mounts, *_variables(op)),
        read_only=root.readonly,
        keeps=root.output != NOTHING and not root.readonly,
        exit_codes=meta.valid_exit_codes or (0,),
    )
    return Program(run, root.input, tuple(used), outputs, _settings(meta, settings))


def _checked_root(mount: llb.Mount) -> llb.Mount:
    if mount.mount_type != MountType.BIND:
        raise UnsupportedError("a program that does not run in an input, but in another kind of mount")
    if mount.selector.strip("/"):
        raise UnsupportedError(f"a program that runs in a part of its input: {mount.selector}")
    return mount


def _network(mode: int) -> str:
    if mode not in _NETWORKS:
        raise InvalidArgumentError(f"unknown network mode {mode}")
    return _NETWORKS[NetMode(mode)]


def _mount(mount: llb.Mount, index: int) -> Mount:
    """``index`` is the number of its input among those that are mounted."""
    from_ = index if mount.input != NOTHING else -1
    match mount.mount_type:
        case MountType.BIND:
            keeps = mount.output != NOTHING and not mount.readonly
            return Mount(
                "bind", mount.dest, mount.selector, from_=from_, read_only=mount.readonly, keeps=keeps
            )
        case MountType.CACHE:
            cache = mount.cache_opt or llb.CacheOpt()
            if not 0 <= cache.sharing < len(_SHARINGS):
                raise InvalidArgumentError(f"unknown sharing of a cache mount: {cache.sharing}")
            return Mount(
                "cache",
                mount.dest,
                mount.selector,
                cache.id or mount.dest,
                from_,
                read_only=mount.readonly,
                sharing=_SHARINGS[cache.sharing],
            )
        case MountType.TMPFS:
            return Mount("tmpfs", mount.dest, size_bytes=mount.tmpfs_opt.size if mount.tmpfs_opt else 0)
        case MountType.SECRET:
            return replace(_lent(mount.secret_opt, "secret mount options"), kind="secret", target=mount.dest)
        case MountType.SSH:
            found = _lent(mount.ssh_opt, "ssh mount options")
            return replace(found, kind="ssh", target=mount.dest, id=found.id or "default")
        case _:
            raise UnsupportedError(f"mount type {mount.mount_type} not implemented")


def _lent(options: llb.LentOpt | None, what: str) -> Mount:
    if options is None:
        raise InvalidArgumentError(f"invalid {what}")
    return Mount(
        "secret",
        "",
        id=options.id,
        required=not options.optional,
        uid=options.uid,
        gid=options.gid,
        mode=options.mode,
    )


def _variables(op: ExecOp) -> Iterator[Mount]:
    """Secrets that are variables."""
    for it in op.secret_env:
        if not it.name:
            raise InvalidArgumentError("secret environment variable without a name")
        yield Mount("secret", "", id=it.id or it.name, required=not it.optional, variable=it.name)


def _settings(meta: Meta, settings: Settings) -> Settings:
    limits = replace(
        settings.limits,
        cgroup_parent=meta.cgroup_parent or settings.limits.cgroup_parent,
        ulimits=tuple((it.name, it.soft, it.hard) for it in meta.ulimit) or settings.limits.ulimits,
    )
    return replace(
        settings,
        hosts=tuple(f"{it.host}:{it.ip}" for it in meta.extra_hosts) or settings.hosts,
        limits=limits,
        proxies=tuple(_proxies(meta.proxy_env)) or settings.proxies,
        hostname=meta.hostname or settings.hostname,
    )


def _proxies(proxy: llb.ProxyEnv | None) -> Iterator[str]:
    if proxy is None:
        return
    for name in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"):
        if value := getattr(proxy, name):
            yield f"{name.upper()}={value}"
            yield f"{name}={value}"
