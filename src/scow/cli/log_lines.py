"""Lines of log on standard error, as Docker's command line (logrus) writes them."""

import time

from scow.cli.go_values import quote
from scow.cli.output import Output


def log(err: Output, level: str, text: str) -> None:
    """``time="2024-05-01T12:00:00Z" level=warning msg="…"``."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    zone = "Z" if stamp.endswith("+0000") else f"{stamp[-5:-2]}:{stamp[-2:]}"
    err.line(f'time="{stamp[:-5]}{zone}" level={level} msg={quote(text)}')
