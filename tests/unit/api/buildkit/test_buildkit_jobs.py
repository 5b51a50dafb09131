"""Who asks for the progress of a build, and when."""

import asyncio

import pytest

from scow.api.grpc.status import CallError
from scow.api.server.buildkit.jobs import Job, Jobs


def test_who_asks_when_a_build_has_failed_at_once_hears_of_it() -> None:
    async def ask() -> None:
        jobs, job = Jobs(), Job("quick")

        async def fail_at_once() -> None:
            await jobs.add(job)
            job.log.end()
            jobs.remove(job)

        early, _ = await asyncio.gather(jobs.progress("quick"), fail_at_once())
        assert early is job.log
        assert await jobs.progress("quick") is job.log

    asyncio.run(ask())


def test_a_name_may_be_taken_again_when_its_build_has_ended() -> None:
    async def ask() -> None:
        jobs, first, second = Jobs(), Job("name"), Job("name")
        await jobs.add(first)
        with pytest.raises(CallError, match="job ID name exists"):
            await jobs.add(second)
        jobs.remove(first)
        await jobs.add(second)
        assert await jobs.progress("name") is second.log
        jobs.remove(first)
        assert await jobs.get("name") is second

    asyncio.run(ask())
