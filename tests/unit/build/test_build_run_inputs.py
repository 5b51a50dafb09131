"""What the result of a RUN depends on besides its words, and numbers that its mounts may have."""

import asyncio
from typing import cast

import pytest

from scow.build.evaluate.run_mounts import parse_mount
from scow.build.execute.run_step import inputs
from scow.build.graph.job import Job
from scow.build.graph.ops import RunOp, Vertex
from scow.build.graph.settings import Settings
from scow.errors import InvalidArgumentError
from scow.image.leases import Lease
from scow.runtime.program_run import Limits

_OP = RunOp(("true",), (), "/", "")


def contents(settings: Settings, op: RunOp = _OP) -> tuple[str, ...]:
    job = Job(cast(Lease, None), lambda _: None, settings)
    return asyncio.run(inputs(Vertex(op), op, job, None, {})).contents


@pytest.mark.parametrize(
    "settings",
    [
        Settings(network="none"),
        Settings(hosts=("box:10.0.0.1",)),
        Settings(security_options=("seccomp=unconfined",)),
        Settings(limits=Limits(ulimits=(("nofile", 10, 20),))),
        Settings(limits=Limits(shm_bytes=1 << 20)),
        Settings(limits=Limits(cgroup_parent="/builds")),
    ],
)
def test_what_a_build_says_of_its_programs_is_part_of_the_key(settings: Settings) -> None:
    assert contents(Settings()) == ()
    assert contents(settings) != ()


def test_addresses_and_proxies_are_no_part_of_it() -> None:
    assert contents(Settings(hosts=("box:10.0.0.1",))) == contents(Settings(hosts=("box:10.0.0.2",)))
    assert contents(Settings(proxies=("http_proxy=http://p",))) == ()


def test_a_network_of_its_own_is_in_the_words() -> None:
    assert contents(Settings(network="none"), RunOp(("true",), (), "/", "", network="host")) == ()


@pytest.mark.parametrize("number", ["-1", "4294967296", "x"])
def test_numbers_that_no_owner_has_are_refused(number: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"invalid value {number} for uid"):
        parse_mount(f"type=cache,target=/a,uid={number}", str)


def test_the_largest_number_that_an_owner_has() -> None:
    assert parse_mount("type=cache,target=/a,uid=4294967295", str)[0].uid == 4_294_967_295
