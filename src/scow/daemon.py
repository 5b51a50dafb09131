"""scowd: the one place where the daemon is put together. Nothing imports this module."""

import asyncio
import logging
import os
import signal
import sys
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from scow import log
from scow.api.http.listeners import open_listeners
from scow.api.http.server import HttpServer
from scow.api.server.app import Services, build_app
from scow.config import Config, load
from scow.engine.engine import Engine
from scow.engine.idle import IdleExit
from scow.engine.pidfile import PidFile
from scow.errors import ScowError

_log = logging.getLogger(__name__)


def console() -> None:
    """The ``scowd`` command."""
    try:
        config = load(sys.argv[1:], os.environ)
    except ScowError as exc:
        sys.exit(f"scowd: {exc}")
    log.configure(config.log_level)
    try:
        asyncio.run(_run(config))
    except (ScowError, OSError) as exc:
        _log.debug("start failed", exc_info=exc)
        sys.exit(f"scowd: failed to start daemon: {exc}")
