"""Builds over the API: contexts as tars, and the classic builder's progress read."""

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.support.clients import Result
from tests.support.daemons import Daemon
from tests.support.http import request

Files = Mapping[str, "str | bytes | None"]


def context(files: Files, *, modes: Mapping[str, int] | None = None, mtime: int = 1_700_000_000) -> bytes:
    """A tar; ``None`` stands for a folder, a text that begins with ``->`` for a symlink."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.mtime = mtime
            info.mode = (modes or {}).get(name, 0o755 if content is None else 0o644)
            if content is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            elif isinstance(content, str) and content.startswith("->"):
                info.type, info.linkname = tarfile.SYMTYPE, content[2:]
                tar.addfile(info)
            else:
                data = content.encode() if isinstance(content, str) else content
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@dataclass(frozen=True)
class Built:
    """The answer of ``POST /build``: its objects, and what they say."""

    status: int
    items: list[Any]

    @property
    def text(self) -> str:
        """All that a person reads."""
        return "".join(item.get("stream", "") for item in self.items)

    @property
    def id(self) -> str:
        """The image's id."""
        assert not self.error, self.error
        return str([item["aux"]["ID"] for item in self.items if "aux" in item][-1])

    @property
    def error(self) -> str:
        """Why it failed, empty if it did not."""
        last = self.items[-1] if self.items else {}
        return str(last.get("error") or last.get("message") or "")

    @property
    def hits(self) -> int:
        """How many steps were found in the cache."""
        return self.text.count(" ---> Using cache\n")


def build(
    daemon: Daemon,
    dockerfile: str | None,
    files: Files | None = None,
    *,
    tar: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    **query: Any,
) -> Built:
    """Build with the classic builder; ``query`` values that are no text are sent as JSON."""
    everything = {**({"Dockerfile": dockerfile} if dockerfile is not None else {}), **(files or {})}
    words = {
        key: value if isinstance(value, str) or key == "t" else json.dumps(value)
        for key, value in query.items()
    }
    answer = request(
        str(daemon.socket),
        "POST",
        f"/build?{urlencode(words, doseq=True)}",
        tar if tar is not None else context(everything),
        headers={"Content-Type": "application/x-tar", **(headers or {})},
        timeout_s=300,
    )
    return Built(answer.status, [json.loads(line) for line in answer.body.splitlines() if line.strip()])


def run_in(daemon: Daemon, image: str, *command: str) -> str:
    """What a command prints in a container of an image."""
    return str(daemon.docker("run", "--rm", "--network=none", image, *command).out)


def scow_build(daemon: Daemon, *args: str, code: int | None = 0) -> Result:
    """``scow build`` by the graph."""
    result: Result = daemon.scow("build", *args, code=code, env={"DOCKER_BUILDKIT": "1"}, timeout_s=120)
    return result


def forget_builds(daemon: Daemon) -> None:
    """As if nothing had ever been built here; busybox stays."""
    for image in daemon.api("GET", "/images/json?all=1").json:
        if not any(tag.startswith("busybox") for tag in image["RepoTags"] or ()):
            daemon.api("DELETE", f"/images/{image['Id']}?force=1")
    daemon.api("POST", "/build/prune?all=1")
