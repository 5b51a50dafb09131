"""Leaving the host as it was: what the networks put on it goes with the engine, when no container runs.

The documents stay, and the next start makes it all again. While a container runs, bridges and rules serve it
without the engine, so everything stays; and a bridge that somebody else has connected a device to is theirs.
"""

import asyncio
import logging
from collections.abc import Callable

from scow.engine.networks.registry import Networks
from scow.errors import ScowError
from scow.network.host import HostNetwork

_log = logging.getLogger(__name__)
# The end of a container takes its endpoints some milliseconds, a crowded machine a second.
_ENDING_S = 5.0


async def leave_host(networks: Networks, host: HostNetwork, *, is_needed: Callable[[], bool]) -> None:
    """Take bridges, segments and tables off the host, unless they are needed. Failures are only told."""
    if is_needed():
        return
    try:
        async with asyncio.timeout(_ENDING_S):
            for live in networks:
                while live.endpoints:
                    await live.wait_until_one_left()
    except TimeoutError:
        _log.warning("network %s still has endpoints: bridges and rules stay", live.record.name)
        return
    for live in networks:
        if live.driver is not None:
            try:
                await live.driver.leave()
            except ScowError as exc:
                _log.warning("network %s: %s", live.record.name, exc)
    try:
        await host.leave()
    except OSError as exc:
        _log.warning("tables of rules stay: %s", exc)
