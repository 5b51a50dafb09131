"""The default filter, judged by an evaluator that knows nothing of how it was made.

``VERDICTS`` are fingerprints of what Docker's published default profile decides for each target, computed
with ``verdicts`` from that profile; another test compares with the profile itself, and so says which calls
differ.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from scow.errors import ScowError
from scow.linux.capabilities import CAPABILITIES
from scow.runtime.capabilities import DEFAULT
from scow.runtime.seccomp import Target, default_filter, filter_from_json
from scow.runtime.seccomp_profile import RULES

# moby/profiles, seccomp/default.json (Apache-2.0), as data to compare with.
REFERENCE = Path(__file__).parents[2] / "golden" / "seccomp" / "docker-default.json"
NOTHING = Target((), "amd64", (6, 1))
TARGETS = {
    "default": Target(DEFAULT, "amd64", (6, 1)),
    "nothing": NOTHING,
    "everything": Target(CAPABILITIES, "amd64", (6, 1)),
    "sys_admin": Target(("CAP_SYS_ADMIN",), "amd64", (6, 1)),
    "old kernel": Target(DEFAULT, "amd64", (4, 4)),
    "arm64": Target(DEFAULT, "arm64", (6, 1)),
    "arm": Target(DEFAULT, "arm", (6, 1)),
    "386": Target(DEFAULT, "386", (6, 1)),
    "s390x": Target(DEFAULT, "s390x", (6, 1)),
    "ppc64le": Target(DEFAULT, "ppc64le", (6, 1)),
    "riscv64": Target(DEFAULT, "riscv64", (6, 1)),
}
VERDICTS = {
    "default": "f05ef9dd1d6bf4d7",
    "nothing": "f133d5f1d7707717",
    "everything": "cbb6623666a6bc8f",
    "sys_admin": "64d485dc68e081f3",
    "old kernel": "fb1d341f0e3c54d5",
    "arm64": "4c3fd3bf4dbd8ea8",
    "arm": "82aeaaadfa0e4f88",
    "386": "06015b6c23a3041d",
    "s390x": "49b15fe924218aca",
    "ppc64le": "c2543c9112ba02ab",
    "riscv64": "4dec2701fcbf506e",
}

LIBSECCOMP_NAMES = {
    "amd64": "SCMP_ARCH_X86_64",
    "arm64": "SCMP_ARCH_AARCH64",
    "s390x": "SCMP_ARCH_S390X",
    "riscv64": "SCMP_ARCH_RISCV64",
}
# Arguments worth trying: address families around the two closed ones, personas, and clone flags.
PROBES: dict[str, list[tuple[int, int]]] = {
    "socket": [(family, 1) for family in (0, 2, 37, 38, 39, 40, 41, 2**31)],
    "personality": [(p, 0) for p in (0, 1, 8, 0x20000, 0x20008, 0x40000, 0xFFFFFFFF, 0xFFFFFFFE)],
    "clone": [(a, b) for a in (0x11, 0x10000000, 0x40000000) for b in (0, 0x20000, 0x02000000)],
}
NAMES = sorted(
    {name for rule in RULES for name in rule.names.split()} | {"kexec_load", "nfsservctl", "io_uring_setup"}
)

OPERATORS = {
    "SCMP_CMP_NE": lambda value, a, b: value != a,
    "SCMP_CMP_LT": lambda value, a, b: value < a,
    "SCMP_CMP_LE": lambda value, a, b: value <= a,
    "SCMP_CMP_EQ": lambda value, a, b: value == a,
    "SCMP_CMP_GE": lambda value, a, b: value >= a,
    "SCMP_CMP_GT": lambda value, a, b: value > a,
    "SCMP_CMP_MASKED_EQ": lambda value, a, b: value & a == b,
}


def verdict(profile: Mapping[str, Any], name: str, arguments: tuple[int, ...]) -> str:
    """What a filter does on one call; a rule without conditions goes before one with."""
    matching = [
        (not call.get("args"), call)
        for call in profile["syscalls"]
        if name in call["names"]
        and all(
            OPERATORS[arg["op"]](arguments[arg["index"]], arg["value"], arg.get("valueTwo") or 0)
            for arg in call.get("args") or ()
        )
    ]
    if not matching:
        return f"{profile['defaultAction']} {profile.get('defaultErrnoRet')}"
    _, call = max(matching, key=lambda item: item[0])
    return f"{call['action']} {call.get('errnoRet')}"


def verdicts(profile: Mapping[str, Any], names: Iterable[str] = NAMES) -> dict[str, str]:
    """What a filter does on every call, tried with several arguments where they matter."""
    return {
        f"{name}{arguments}": verdict(profile, name, arguments)
        for name in names
        for arguments in PROBES.get(name, [(0, 0)])
    }


def fingerprint(profile: Mapping[str, Any]) -> str:
    lines = [f"{call} {what}" for call, what in verdicts(profile).items()]
    lines += sorted(profile.get("architectures", []))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def published(target: Target) -> dict[str, Any]:
    """The published profile cut down to ``target``, by the letter of its documentation."""
    profile = json.loads(REFERENCE.read_text())

    def holds(call: dict[str, Any]) -> bool:
        wanted, unwanted = call.get("includes", {}), call.get("excludes", {})
        minimum = tuple(int(n) for n in wanted.get("minKernel", "0.0").split("."))
        return (
            target.kernel >= minimum
            and (not wanted.get("arches") or target.native in wanted["arches"])
            and set(wanted.get("caps", ())) <= set(target.capabilities)
            and target.native not in unwanted.get("arches", ())
            and not set(unwanted.get("caps", ())) & set(target.capabilities)
        )

    families = {family["architecture"]: family["subArchitectures"] or [] for family in profile["archMap"]}
    own = LIBSECCOMP_NAMES.get(target.architecture, "")
    kept: dict[str, Any] = profile | {
        "syscalls": [call for call in profile["syscalls"] if holds(call)],
        "architectures": [own, *families[own]] if own in families else [],
    }
    return kept


@pytest.mark.parametrize("name", TARGETS)
def test_the_default_filter_decides_as_dockers(name: str) -> None:
    assert fingerprint(default_filter(TARGETS[name])) == VERDICTS[name]


@pytest.mark.parametrize("name", TARGETS)
def test_every_call_is_decided_as_in_the_published_profile(name: str) -> None:
    profile = published(TARGETS[name])
    names = {name for call in profile["syscalls"] for name in call["names"]} | set(NAMES)
    assert verdicts(default_filter(TARGETS[name]), names) == verdicts(profile, names)
    assert fingerprint(profile) == VERDICTS[name]


@pytest.mark.parametrize(
    ("call", "arguments", "target", "action"),
    [
        ("read", (0, 0), "default", "SCMP_ACT_ALLOW None"),
        ("mount", (0, 0), "default", "SCMP_ACT_ERRNO 1"),
        ("mount", (0, 0), "sys_admin", "SCMP_ACT_ALLOW None"),
        ("clone", (0x11, 0), "default", "SCMP_ACT_ALLOW None"),
        ("clone", (0x10000000, 0), "default", "SCMP_ACT_ERRNO 1"),
        ("clone3", (0, 0), "default", "SCMP_ACT_ERRNO 38"),
        ("clone3", (0, 0), "sys_admin", "SCMP_ACT_ALLOW None"),
        ("socket", (40, 1), "everything", "SCMP_ACT_ERRNO 1"),
        ("ptrace", (0, 0), "default", "SCMP_ACT_ALLOW None"),
        ("ptrace", (0, 0), "old kernel", "SCMP_ACT_ERRNO 1"),
        ("io_uring_setup", (0, 0), "everything", "SCMP_ACT_ERRNO 1"),
    ],
)
def test_some_calls_by_hand(call: str, arguments: tuple[int, int], target: str, action: str) -> None:
    assert verdict(default_filter(TARGETS[target]), call, arguments) == action


def test_a_profile_is_cut_down_to_the_container() -> None:
    text = json.dumps(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": 5,
            "archMap": [
                {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
                {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": None},
            ],
            "flags": ["SECCOMP_FILTER_FLAG_LOG"],
            "syscalls": [
                {"names": ["a"], "action": "SCMP_ACT_ALLOW", "comment": "kept", "args": None},
                {"name": "b", "action": "SCMP_ACT_ERRNO", "errnoRet": 7},
                {"names": ["c"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_KILL"]}},
                {"names": ["d"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm64"]}},
                {"names": ["e"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "9.9"}},
                {"names": ["f"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["amd64"]}},
                {"names": ["g"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "4.0"}},
                {"names": ["h"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_KILL"]}},
            ],
        }
    )
    assert filter_from_json(text, NOTHING) == {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 5,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
        "flags": ["SECCOMP_FILTER_FLAG_LOG"],
        "syscalls": [
            {"names": ["a"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["b"], "action": "SCMP_ACT_ERRNO", "errnoRet": 7},
            {"names": ["h"], "action": "SCMP_ACT_ALLOW"},
        ],
    }


def test_a_profile_that_says_nothing_is_no_filter() -> None:
    assert filter_from_json("{}", NOTHING) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Decoding seccomp profile failed: "),
        ("[]", "Decoding seccomp profile failed: "),
        ('{"syscalls": [{"names": "a"}]}', "Decoding seccomp profile failed: "),
        (
            '{"syscalls": [{"names": ["a"], "includes": {"minKernel": "x"}}]}',
            'Decoding seccomp profile failed: invalid kernel version: "x"',
        ),
        ('{"syscalls": [{"names": ["a"], "name": "b"}]}', "both 'name' and 'names' are specified"),
        (
            '{"defaultAction": "x", "architectures": ["a"], "archMap": [{"architecture": "b"}]}',
            "both 'architectures' and 'archMap' are specified",
        ),
    ],
)
def test_a_profile_that_cannot_be_read_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ScowError) as caught:
        filter_from_json(text, NOTHING)
    assert caught.value.message.startswith(message)
