"""The system call filter of a container: the default one, or a profile given as JSON.

A profile is richer than what an OCI runtime takes: rules may depend on capabilities, CPU and kernel. Here it
is cut down to the container at hand. Source of the format: docs.docker.com/engine/security/seccomp.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import msgspec

from scow.errors import ScowError
from scow.runtime.seccomp_profile import ARCHITECTURES, DEFAULT_ERRNO, ERRNO, RULES, Rule
from scow.spec.engine_api.body import without_nulls
from scow.spec.oci_runtime import Seccomp, Syscall, SyscallArg

# Go's name of a CPU → libseccomp's, which profiles use in their conditions.
_NATIVE = {"386": "x86", "loong64": "loongarch64", "mips64le": "mipsel64", "mipsle": "mipsel"}


@dataclass(frozen=True, slots=True)
class Target:
    """What rules depend on: granted capabilities, CPU (Go's name) and kernel version."""

    capabilities: Collection[str]
    architecture: str
    kernel: tuple[int, int]

    @property
    def native(self) -> str:
        """The CPU by libseccomp's name."""
        return _NATIVE.get(self.architecture, self.architecture)


def default_filter(target: Target) -> Seccomp:
    """The default profile for ``target``."""
    return Seccomp(
        defaultAction=ERRNO,
        defaultErrnoRet=DEFAULT_ERRNO,
        architectures=list(ARCHITECTURES.get(target.native, ())),
        syscalls=[_syscall(rule) for rule in RULES if _holds(rule, target)],
    )


def _holds(rule: Rule, target: Target) -> bool:
    if rule.min_kernel and target.kernel < rule.min_kernel:
        return False
    if rule.arches and target.native not in rule.arches:
        return False
    if target.native in rule.not_arches or any(cap in target.capabilities for cap in rule.not_caps):
        return False
    return all(cap in target.capabilities for cap in rule.caps)


def _syscall(rule: Rule) -> Syscall:
    call = Syscall(names=rule.names.split(), action=rule.action)
    if rule.errno is not None:
        call["errnoRet"] = rule.errno
    if when := rule.when:
        arg = SyscallArg(index=when.index, value=when.value, op=when.operator)
        if when.second:
            arg["valueTwo"] = when.second
        call["args"] = [arg]
    return call


class _Argument(msgspec.Struct):
    index: int
    value: int = 0
    op: str = ""
    value_two: int = msgspec.field(default=0, name="valueTwo")


class _When(msgspec.Struct, rename="camel"):
    """``includes`` or ``excludes`` of a rule."""

    caps: list[str] = []
    arches: list[str] = []
    min_kernel: str = ""


class _ProfileRule(msgspec.Struct, rename="camel"):
    names: list[str] = []
    name: str = ""
    action: str = ""
    errno_ret: int | None = None
    args: list[_Argument] = []
    includes: _When = msgspec.field(default_factory=_When)
    excludes: _When = msgspec.field(default_factory=_When)


class _ArchitectureFamily(msgspec.Struct, rename="camel"):
    architecture: str
    sub_architectures: list[str] = []


class _Profile(msgspec.Struct, rename="camel"):
    default_action: str = ""
    default_errno_ret: int | None = None
    architectures: list[str] = []
    arch_map: list[_ArchitectureFamily] = []
    flags: list[str] = []
    listener_path: str = ""
    listener_metadata: str = ""
    syscalls: list[_ProfileRule] = []


def filter_from_json(text: str, target: Target) -> Seccomp | None:
    """The profile in ``text`` for ``target``; None if it says nothing, which means no filter.

    Raises ScowError with Docker's messages.
    """
    profile = _decode(text)
    if not profile.default_action and not profile.syscalls:
        return None
    if profile.architectures and profile.arch_map:
        raise ScowError(
            "both 'architectures' and 'archMap' are specified in the seccomp profile, use either "
            "'architectures' or 'archMap'"
        )
    calls = [_profile_syscall(rule) for rule in profile.syscalls if _applies(rule, target)]
    result = Seccomp(defaultAction=profile.default_action, syscalls=calls)
    if profile.default_errno_ret is not None:
        result["defaultErrnoRet"] = profile.default_errno_ret
    if architectures := profile.architectures or _family(profile.arch_map, target.native):
        result["architectures"] = architectures
    if profile.flags:
        result["flags"] = profile.flags
    if profile.listener_path:
        result["listenerPath"] = profile.listener_path
        result["listenerMetadata"] = profile.listener_metadata
    return result


def _decode(text: str) -> _Profile:
    try:
        return msgspec.convert(without_nulls(msgspec.json.decode(text)), _Profile)
    except (msgspec.MsgspecError, RecursionError) as exc:
        raise ScowError(f"Decoding seccomp profile failed: {exc}") from exc


def _family(families: Iterable[_ArchitectureFamily], native: str) -> list[str]:
    own = ARCHITECTURES.get(native, ("",))[0]
    return next(([f.architecture, *f.sub_architectures] for f in families if f.architecture == own), [])


def _applies(rule: _ProfileRule, target: Target) -> bool:
    included, excluded = rule.includes, rule.excludes
    if target.native in excluded.arches or any(cap in target.capabilities for cap in excluded.caps):
        return False
    if excluded.min_kernel and target.kernel >= _parse_kernel(excluded.min_kernel):
        return False
    if included.arches and target.native not in included.arches:
        return False
    if included.min_kernel and target.kernel < _parse_kernel(included.min_kernel):
        return False
    return all(cap in target.capabilities for cap in included.caps)


def _parse_kernel(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    if not (major.isdecimal() and minor.isdecimal() and len(text) < 8) or text == "0.0":
        raise ScowError(
            f'Decoding seccomp profile failed: invalid kernel version: "{text}", expected "<kernel>.<major>"'
        )
    return int(major), int(minor)


def _profile_syscall(rule: _ProfileRule) -> Syscall:
    if rule.name and rule.names:
        raise ScowError(
            "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'"
        )
    call = Syscall(names=[rule.name] if rule.name else rule.names, action=rule.action)
    if rule.errno_ret is not None:
        call["errnoRet"] = rule.errno_ret
    if rule.args:
        call["args"] = [
            SyscallArg(index=arg.index, value=arg.value, valueTwo=arg.value_two, op=arg.op)
            for arg in rule.args
        ]
    return call
