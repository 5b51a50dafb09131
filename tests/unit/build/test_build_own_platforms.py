"""What a machine runs by itself, by what its /proc says."""

from pathlib import Path

import pytest

from scow.build.own_platforms import own_platforms
from scow.spec.platform import Platform

HOST = Platform("linux", "amd64")
V2 = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"
V3 = f"{V2} abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"


def proc(folder: Path, flags: str, *, compat: bool = True) -> Path:
    (folder / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: fpu {flags}\n\nprocessor\t: 1\nflags\t\t:\n")
    if compat:
        (folder / "sys/abi").mkdir(parents=True)
        (folder / "sys/abi/vsyscall32").write_text("1\n")
    return folder


@pytest.mark.parametrize(
    ("flags", "levels"),
    [
        ("", []),
        (V2.replace("popcnt", ""), []),
        (V2, ["v2"]),
        (V3, ["v2", "v3"]),
        (V3.replace("ssse3", ""), []),
        (V4, ["v2", "v3", "v4"]),
    ],
)
def test_levels_of_the_processor(tmp_path: Path, flags: str, levels: list[str]) -> None:
    found = [str(it) for it in own_platforms(HOST, proc(tmp_path, flags))]
    assert found == ["linux/amd64", *(f"linux/amd64/{level}" for level in levels), "linux/386"]


def test_a_kernel_without_32_bits(tmp_path: Path) -> None:
    assert own_platforms(HOST, proc(tmp_path, "", compat=False)) == (HOST,)


def test_where_nothing_can_be_told(tmp_path: Path) -> None:
    assert own_platforms(HOST, tmp_path) == (HOST,)
    arm = Platform("linux", "arm64")
    assert own_platforms(arm, proc(tmp_path, V4)) == (arm,)
