"""Repositories that a build gets: one commit of each, by git(1) on the engine's host.

git runs with nothing of this machine's settings, asks nobody, and follows no repository to local files. What
the build's client lends opens private ones: its ssh agent, and the secrets ``GIT_AUTH_TOKEN`` and
``GIT_AUTH_HEADER``, also with the host's name behind a dot, which are sent to that host only.
https://docs.docker.com/build/building/secrets/#git-authentication-for-remote-contexts
"""

import asyncio
import base64
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from scow.build.graph.job import SecretSource
from scow.build.graph.ops import GitSource
from scow.distribution.proxies import Proxies
from scow.errors import InvalidArgumentError, ScowError
from scow.image.threads import run_to_end

_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ALLOW_PROTOCOL": "http:https:git:ssh",
    "HOME": "/nonexistent",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
}
# As BuildKit, which asks a host for its keys right before: whoever answers first is believed, for one build.
_SSH = "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking={checking} -o UserKnownHostsFile={file}"


async def check_out(source: GitSource, folder: Path, lender: SecretSource, proxies: Proxies) -> str:
    """Fill the empty ``folder`` with the files of one commit and of its submodules; the commit's name.

    Raises InvalidArgumentError, ScowError with what git said.
    """
    wanted = source.ref or source.commit or "HEAD"
    if wanted.startswith("-"):
        raise InvalidArgumentError(f"invalid git ref: {wanted}")
    known_hosts = folder.with_name(f"{folder.name}.known_hosts")
    try:
        if source.known_hosts:
            await run_to_end(known_hosts.write_text, source.known_hosts)
        environment = await _environment(source, known_hosts, lender)
        checkout = _Checkout(folder, environment | dict(proxies.variables()))
        await checkout.fetch(source.remote, wanted)
        commit = (await checkout.git("rev-parse", "HEAD")).strip()
        if not commit.startswith(source.commit):
            raise ScowError(f"expected checksum to match {source.commit}, got {commit}")
        if source.submodules and (folder / ".gitmodules").is_file():
            await checkout.git("submodule", "update", "-q", "--init", "--recursive", "--depth=1")
        if source.commit_times:
            moment_s = int(await checkout.git("log", "-1", "--format=%ct"))
            await run_to_end(_set_times, folder, moment_s)
    finally:
        known_hosts.unlink(missing_ok=True)
    if not source.keep_git_dir:
        await run_to_end(shutil.rmtree, folder / ".git", True)
    return commit


class _Checkout:
    """A working tree and how git is called in it."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment

    async def fetch(self, remote: str, wanted: str) -> None:
        """``wanted`` without its history, if the server gives it out so."""
        await self.git("init", "-q", ".")
        await self.git("remote", "add", "origin", "--", remote)
        try:
            await self.git("fetch", "-q", "--depth=1", "--no-tags", "origin", wanted)
        except ScowError:
            # A server need not give a commit by its name alone, nor by the beginning of it.
            await self.git("fetch", "-q", "--tags", "origin")
            await self.git("checkout", "-q", "--detach", wanted)
        else:
            await self.git("checkout", "-q", "--detach", "FETCH_HEAD")

    async def git(self, *arguments: str) -> str:
        """What it wrote. Raises ScowError."""
        try:
            process = await asyncio.create_subprocess_exec(
                "git",
                *arguments,
                cwd=self._folder,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise ScowError("unable to find 'git': install the package git on the engine's host") from None
        try:
            wrote, said = await process.communicate()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # those that git has started, too
                await process.wait()
        if process.returncode:
            text = said.decode(errors="replace").strip()
            raise ScowError(f"error fetching: {text or f'git {arguments[0]} failed'}")
        return wrote.decode(errors="replace")


async def _environment(source: GitSource, known_hosts: Path, lender: SecretSource) -> dict[str, str]:
    checking = "yes" if source.known_hosts else "accept-new"
    environment = {**_ENVIRONMENT, "GIT_SSH_COMMAND": _SSH.format(checking=checking, file=known_hosts)}
    address = urlsplit(source.remote)
    settings = [("core.hooksPath", "/dev/null")]
    if address.scheme in ("http", "https"):
        header = await _authorization(address.hostname or "", lender)
        if header:
            settings.append(
                (f"http.{address.scheme}://{address.netloc}/.extraHeader", f"Authorization: {header}")
            )
    elif address.scheme != "git" and (agent := await lender.agent_socket(source.agent)):
        environment["SSH_AUTH_SOCK"] = agent
    # Not as arguments, which every user of the machine may read.
    return environment | dict(_numbered(settings))


def _numbered(settings: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Settings by way of the environment, git-config(1)."""
    yield "GIT_CONFIG_COUNT", str(len(settings))
    for number, (key, value) in zip(count(), settings, strict=False):
        yield f"GIT_CONFIG_KEY_{number}", key
        yield f"GIT_CONFIG_VALUE_{number}", value


async def _authorization(host: str, lender: SecretSource) -> str:
    """What to say to ``host`` of who asks; "" if the client lends nothing for it."""
    for suffix in (f".{host}", ""):
        if (header := await lender.secret(f"GIT_AUTH_HEADER{suffix}")) is not None:
            return header.decode(errors="replace").strip()
        if (token := await lender.secret(f"GIT_AUTH_TOKEN{suffix}")) is not None:
            return "basic " + base64.b64encode(b"x-access-token:" + token.strip()).decode()
    return ""


def _set_times(folder: Path, moment_s: int) -> None:
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.utime(os.path.join(place, name), (moment_s, moment_s), follow_symlinks=False)
