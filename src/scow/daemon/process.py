"""The process of scowd: from the command line to the last client, and how it leaves."""

import asyncio
import gc
import grp
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from scow import log
from scow.api.http.listeners import open_listeners
from scow.api.http.server import Server
from scow.api.server.app import build_app
from scow.config import Config, load
from scow.daemon.assembly import Daemon
from scow.engine.idle import IdleExit
from scow.engine.pidfile import PidFile
from scow.engine.reload import waiting
from scow.engine.rest import REST_AFTER_S, Rest
from scow.errors import ScowError
from scow.linux.allocator import use_one_arena
from scow.linux.memory_at_rest import give_back_memory

if TYPE_CHECKING:
    from ssl import SSLContext

_log = logging.getLogger(__name__)

# Its name since Python 3.13.
_forget_attribute_lookups = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache
_MEMORY_AFTER_S = REST_AFTER_S + 0.25  # by when the threads have ended, and what was theirs is free


def console() -> None:
    """The ``scowd`` command."""
    try:
        config = load(sys.argv[1:], os.environ)
    except ScowError as exc:
        sys.exit(f"scowd: {exc}")
    use_one_arena()
    _raise_file_limit()
    log.configure(config.log_level)
    pidfile = PidFile(config.pidfile)
    try:
        pidfile.acquire()
    except ScowError as exc:
        print(f"scowd: {exc}", file=sys.stderr)
        sys.exit(os.EX_TEMPFAIL)  # by which who starts engines on demand knows that one may be about to leave
    try:
        _serve(config)
    except (ScowError, OSError) as exc:
        _log.debug("start failed", exc_info=exc)
        sys.exit(f"scowd: failed to start daemon: {exc}")
    finally:
        pidfile.release()


def _raise_file_limit() -> None:
    """A client, a published port, a running container: each is a descriptor or more."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _serve(config: Config) -> None:
    leave = asyncio.Event()
    with asyncio.Runner() as runner:
        for number in (signal.SIGTERM, signal.SIGINT):
            _on_signal(number, runner.get_loop(), leave.set)
        runner.run(_run(config, leave))


def _on_signal(number: int, loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Have ``loop`` call ``call`` at every signal of that number.

    ``loop.add_signal_handler``, and the handler that asyncio sets where it finds none of SIGINT, need
    ``inspect``, which is 1 MB.
    """

    def told(_number: int, _frame: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: we are leaving
            loop.call_soon_threadsafe(call)

    signal.signal(number, told)


async def _run(config: Config, leave: asyncio.Event) -> None:
    """Serve until told to leave, by signal or by idleness."""
    async with AsyncExitStack() as stack:
        daemon = Daemon(config)
        idle = IdleExit(config.idle_exit_s or None, daemon.is_needed, leave.set)
        services = await daemon.open(stack, idle)
        _on_signal(signal.SIGHUP, asyncio.get_running_loop(), lambda: _reload(config, daemon))
        rests = (Rest(daemon.rest), Rest(_give_back_memory, _MEMORY_AFTER_S))

        def clients_changed(present: bool) -> None:
            idle.clients_changed(present)
            for rest in rests:
                rest.clients_changed(present)

        server = Server(build_app(services), on_activity=clients_changed)
        stack.callback(_remove_sockets, config.hosts)
        stack.push_async_callback(server.aclose)
        await server.listen(_listeners(config, secured=False))
        await server.listen(_listeners(config, secured=True), _tls_context(config))
        _give_back_memory()
        gc.freeze()  # what is alive now stays: the collector need not look at it again
        for rest in rests:
            rest.clients_changed(present=False)
        idle.start()
        _log.info("API listens on %s", ", ".join(config.hosts))
        await leave.wait()
        _log.info("leaving; containers run on")


def _give_back_memory() -> None:
    """What is of no use any more.

    Python remembers up to 4,096 names of attributes that were asked for, among them strings that C code has
    made for one question: each keeps the page that it is on, and with it a part of what containers needed.
    """
    _forget_attribute_lookups()
    give_back_memory()


def _reload(config: Config, daemon: Daemon) -> None:
    """Read the configuration again. One that is wrong is told in the log, and nothing changes."""
    try:
        read = load(sys.argv[1:], os.environ)
    except ScowError as exc:
        _log.error("the configuration is not reloaded: %s", exc)
        return
    for name in waiting(config, read):
        _log.warning("the new %s takes effect at the next start", name)
    log.configure(read.log_level)
    daemon.reload(read)
    _log.info("the configuration is reloaded")


def _listeners(config: Config, *, secured: bool) -> list[socket.socket]:
    """TLS, where it is on, is for what comes by TCP."""
    gid = _group_id(config.group)
    return [
        sock
        for address in config.hosts
        if secured == (config.tls is not None and address.startswith("tcp://"))
        for sock in open_listeners(address, gid=gid, inherited=config.inherited_sockets)
    ]


def _tls_context(config: Config) -> "SSLContext | None":
    if config.tls is None:
        return None
    from scow.api.http.tls_context import server_context

    files = config.tls
    return server_context(files.ca if files.verify else None, files.certificate, files.key)


def _remove_sockets(hosts: Iterable[str]) -> None:
    """Leave no socket behind that nobody answers; the pid file is still ours, so no other scowd made them."""
    for address in hosts:
        if address.startswith("unix://"):
            Path(address.removeprefix("unix://")).unlink(missing_ok=True)


def _group_id(name: str) -> int | None:
    """The group that may use the socket; the default one need not exist."""
    try:
        return int(name) if name.isdigit() else grp.getgrnam(name).gr_gid
    except KeyError:
        _log.warning("group %s does not exist: the socket is for root only", name)
        return None
