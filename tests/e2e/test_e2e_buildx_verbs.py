"""Verbs of buildx beside builds: a pipe to a builder, shells in builds, the old alias."""

import json
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.builds import forget_builds
from tests.support.buildx import Buildx
from tests.support.clients import Client
from tests.support.daemons import Daemon


@pytest.fixture
def build(scow_daemon: Daemon, tmp_path: Path) -> Iterator[Buildx]:
    found = Buildx(scow_daemon, tmp_path / "project")
    found.write("Dockerfile", "FROM busybox\nRUN echo made >/made\n")
    found.write("Broken", "FROM busybox\nENV A=env\nRUN echo left >/left; exit 3\n")
    yield found
    forget_builds(scow_daemon)


@pytest.fixture
def scow(scow_daemon: Daemon, tmp_path: Path) -> Client:
    client = scow_daemon.client("scow")
    client.env |= {"DOCKER_BUILDKIT": "1", "DOCKER_CONFIG": str(tmp_path / "settings")}
    return client


@contextmanager
def socket_to(scow: Client, path: Path) -> Iterator[None]:
    """A socket each of whose connections goes through a ``dial-stdio`` of its own."""
    pipes: list[subprocess.Popen[bytes]] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    argv, end = scow.argv("buildx", "dial-stdio"), connection.fileno()
                    pipes.append(subprocess.Popen(argv, env=scow.env, stdin=end, stdout=end))

        server = threading.Thread(target=serve)
        server.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join()
            for pipe in pipes:
                pipe.kill()
                pipe.wait()


def test_the_real_buildx_reaches_a_builder_through_a_pipe(
    build: Buildx, scow: Client, tmp_path: Path
) -> None:
    # It would build, too; but buildx gives a build up whose progress ends three seconds after it.
    path = tmp_path / "pipe"
    scow("build", "-t", "piped:1", str(build.context))
    with socket_to(scow, path):
        build.other("create", "--name", "pipe", "--driver", "remote", f"unix://{path}")
        told = build.other("inspect", "pipe").stdout
        assert re.search(r"^Status: +running$", told, re.M), told
        assert "RUN echo made" in build.other("du", "--builder", "pipe", "--verbose").stdout


def test_a_pipe_says_what_it_does(scow: Client) -> None:
    done = scow("buildx", "dial-stdio", "--progress", "plain", "--platform", "linux/amd64", input="")
    assert "Dialing builder" in done.err
    assert scow("buildx", "dial-stdio", "--platform", "no/such/one/x", input="", code=1).err


def test_a_shell_where_a_step_failed_and_in_the_result(build: Buildx, scow: Client) -> None:
    context = str(build.context)
    failed = scow(
        *("buildx", "debug", "build", "-f", f"{context}/Broken", context), input="cat /left; echo $A", code=1
    )
    assert failed.out == "left\nenv\n"
    assert "exit code: 3" in failed.err
    assert scow("buildx", "debug", "--on=always", "build", context, input="cat /made").out == "made\n"
    invoke = ("--invoke", "entrypoint=/bin/echo,args=one,args=two")
    assert scow("buildx", "debug", *invoke, "build", context, input="").out == "one two\n"
    assert "'build' must follow" in scow("buildx", "debug", "walk", code=1).err


def test_programs_of_a_build_are_limited(build: Buildx, scow: Client) -> None:
    limits = "/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max"
    build.write("Dockerfile", f"FROM busybox\nRUN cat {limits} | tail -1\n")
    done = scow("build", "--no-cache", "--progress=plain", "--resource", "memory=64m", str(build.context))
    assert " 67108864" in done.err


def test_the_alias_comes_and_goes(scow: Client, tmp_path: Path) -> None:
    settings = tmp_path / "settings/config.json"
    settings.parent.mkdir()
    settings.write_text('{"psFormat": "x"}')
    assert 'Command "install" is deprecated' in scow("buildx", "install").err
    assert json.loads(settings.read_text()) == {"psFormat": "x", "aliases": {"builder": "buildx"}}
    scow("buildx", "uninstall")
    assert json.loads(settings.read_text()) == {"psFormat": "x"}
    assert scow("builder", "ls").out == scow("buildx", "ls").out


@pytest.mark.parametrize("verb", ["dap", "policy"])
def test_what_is_not_done_is_refused_by_name(scow: Client, verb: str) -> None:
    assert "not supported" in scow("buildx", verb, "build", ".", code=1).err


def test_nobody_waits_longer_for_a_builder_than_he_says(scow: Client) -> None:
    assert scow("buildx", "ls", "--no-trunc").lines[2].split()[4] == "running"
    assert scow("buildx", "ls", "--timeout", "1ns").lines[2].split()[4] == "inactive"


def test_policies_are_refused_unless_they_are_off(build: Buildx, scow: Client) -> None:
    refused = scow("build", "--policy", "filename=x", str(build.context), code=1)
    assert refused.err == "ERROR: build policies are not supported\n"
    scow("build", "--policy", "disabled=true", str(build.context))
