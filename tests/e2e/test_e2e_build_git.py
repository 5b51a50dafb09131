"""Builds whose files come from git: contexts, named contexts, ADD; public and private, by HTTP."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builds import scow_build
from tests.support.buildx import Buildx
from tests.support.daemons import Daemon
from tests.support.git_server import Repository, git_server
from tests.support.live_folders import files_with
from tests.support.ssh_server import ssh_server

pytestmark = [pytest.mark.root, pytest.mark.needs("git")]

DOCKERFILE = "FROM busybox\nCOPY . /src\nCMD cat /src/text\n"
TOKEN = "not-for-everybody"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Two commits on main, tagged one and two, and a branch ``side``."""
    made = Repository(tmp_path / "repositories" / "app")
    made.git("checkout", "-q", "-b", "side")
    made.commit({"Dockerfile": DOCKERFILE, "text": "on the side\n"})
    made.git("checkout", "-q", "--orphan", "main")
    made.commit({"Dockerfile": DOCKERFILE, "text": "first\n", "inner/Dockerfile": DOCKERFILE}, "one")
    made.commit({"text": "second\n", "inner/text": "inside\n"}, "two")
    return made


@pytest.fixture
def address(repository: Repository, buildkit_engine: Daemon) -> Iterator[str]:
    """Of the repository."""
    with git_server(repository.path.parent, buildkit_engine.namespace, 8418) as root:
        yield f"{root}/app/.git"


def test_a_context_is_a_branch_a_tag_a_commit_or_a_folder_of_it(
    build: Buildx, repository: Repository, address: str
) -> None:
    commit = repository.git("rev-parse", "one")
    for fragment, text in (
        ("", "second\n"),
        ("#side", "on the side\n"),
        ("#refs/heads/side", "on the side\n"),
        ("#one", "first\n"),
        (f"#{commit}", "first\n"),
        ("#:inner", "inside\n"),
        ("#two:inner", "inside\n"),
    ):
        build("-t", "app", context=address + fragment)
        assert build.run("app") == text, fragment
    assert ".git" not in build.run("app", "ls", "-a", "/src").split()
    refused = build(context=f"{address}#nosuch", code=1).stderr
    assert "nosuch" in refused
    assert "inner" in build.run("app", "sh", "-c", "ls /src; echo inner")


def test_the_repository_itself_comes_along_where_it_is_wanted(build: Buildx, address: str) -> None:
    build("-t", "app", "--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", context=address)
    assert ".git" in build.run("app", "ls", "-a", "/src").split()


def test_add_and_named_contexts(build: Buildx, repository: Repository, address: str) -> None:
    build.write(
        "Dockerfile",
        "FROM busybox\n"
        f"ADD {address}#one /whole\nADD --keep-git-dir=true {address}#two:inner /part/\n"
        "COPY --from=other text /other\n",
    )
    named = ("--build-context", f"other={address}#side")
    build("-t", "app", *named)
    assert build.run("app", "cat", "/whole/text", "/part/text", "/other") == "first\ninside\non the side\n"
    again = build("-t", "app", *named).stderr
    assert len(re.findall(r"#\d+ CACHED", again)) >= 3
    repository.git("checkout", "-q", "side")
    repository.commit({"text": "elsewhere\n"})
    build("-t", "app", *named)
    assert build.run("app", "cat", "/whole/text", "/other") == "first\nelsewhere\n"


def test_submodules_come_along(build: Buildx, repository: Repository, address: str) -> None:
    library = Repository(repository.path.parent / "library")
    library.commit({"code": "of the library\n"})
    # By its address in the engine's network; here it is found by its folder.
    where = address.replace("/app/", "/library/")
    repository.git("-c", f"url.{library.path}/.git.insteadOf={where}", "submodule", "add", "-q", where, "lib")
    repository.git("commit", "-q", "-m", "with a library")
    build("-t", "app", context=address)
    assert build.run("app", "cat", "/src/lib/code") == "of the library\n"


def test_a_private_repository_opens_to_a_secret(
    build: Buildx, repository: Repository, buildkit_engine: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    (build.context.parent / "token").write_text(TOKEN)
    secret = ("--secret", f"id=GIT_AUTH_TOKEN,src={build.context.parent}/token")
    with git_server(repository.path.parent, buildkit_engine.namespace, 8419, TOKEN) as root:
        address = f"{root}/app/.git"
        assert "fatal" in build("-t", "app", context=address, code=1).stderr
        shown = build("-t", "app", *secret, context=address).stderr
        assert build.run("app") == "second\n"
    assert TOKEN not in shown
    assert TOKEN not in buildkit_engine.log.read_text(errors="replace")
    if buildkit_engine.kind == "scowd":
        assert not files_with(TOKEN, buildkit_engine.data_root)


@pytest.mark.parametrize("reference", ["", "#nosuch"])
def test_a_token_in_an_address_is_told_to_nobody(
    scow_daemon: Daemon, repository: Repository, reference: str
) -> None:
    with git_server(repository.path.parent, scow_daemon.namespace, 8420, TOKEN) as root:
        address = root.replace("://", f"://x-access-token:{TOKEN}@") + f"/app/.git{reference}"
        told = scow_build(scow_daemon, address, code=1 if reference else 0).err
    assert "://xxxxx:xxxxx@127.0.0.1:8420/app/.git" in told
    assert TOKEN not in told
    assert TOKEN not in scow_daemon.log.read_text(errors="replace")
    assert not files_with(TOKEN, scow_daemon.data_root)  # its record among them


def test_the_plugin_has_nothing_kept_of_a_token_either(
    build: Buildx, repository: Repository, buildkit_engine: Daemon
) -> None:
    with git_server(repository.path.parent, buildkit_engine.namespace, 8421, TOKEN) as root:
        address = root.replace("://", f"://x-access-token:{TOKEN}@") + "/app/.git"
        build("-t", "app", context=address)
        # The plugin returns its error with its own stack and command line.
        build(context=f"{address}#nosuch", code=1)
    if buildkit_engine.kind == "scowd":
        assert not files_with(TOKEN, buildkit_engine.data_root)


@pytest.mark.needs("ssh-keygen")
def test_a_private_repository_opens_to_an_agent(
    build: Buildx, repository: Repository, buildkit_engine: Daemon, tmp_path: Path
) -> None:
    with ssh_server(tmp_path, buildkit_engine.namespace, 8422) as key:
        address = f"ssh://root@127.0.0.1:8422{repository.path}/.git"
        build("-t", "app", "--ssh", f"default={key}", context=f"{address}#one")
        assert build.run("app") == "first\n"
        refused = build("--ssh", f"default={tmp_path}/host_key", context=address, code=1).stderr
        assert "Permission denied" in refused


class TestOnScow:
    """What BuildKit 0.13 does not know yet, and what is scow's own."""

    @pytest.fixture
    def build(self, scow_daemon: Daemon, tmp_path: Path) -> Buildx:
        context = tmp_path / "context"
        context.mkdir()
        return Buildx(scow_daemon, context)

    @pytest.fixture
    def buildkit_engine(self, scow_daemon: Daemon) -> Daemon:
        return scow_daemon

    def test_queries(self, build: Buildx, repository: Repository, address: str) -> None:
        commit = repository.git("rev-parse", "two")
        build.write(
            "Dockerfile",
            "FROM busybox\n"
            f"ADD {address}?branch=main&subdir=inner&mtime=commit /part/\n"
            f"ADD --checksum={commit} {address}?tag=two /whole/\n",
        )
        build("-t", "app")
        assert build.run("app", "cat", "/part/text", "/whole/text") == "inside\nsecond\n"
        assert build.run("app", "stat", "-c", "%Y", "/part/text") == "1700000000\n"
        for address_and_flag, said in (
            (f"--checksum=1234567 {address}?tag=two", f"expected checksum to match 1234567, got {commit}"),
            (f"{address}?nosuch=1", 'unexpected query "nosuch"'),
            (f"{address}?tag=one&branch=side", "branch conflicts with tag"),
            (f"{address}#../..:../..", "error fetching"),
            (f"{address}#--upload-pack=evil", "invalid git ref"),
            (f"{address}#two:nowhere", "is no folder of"),
        ):
            build.write("Dockerfile", f"FROM busybox\nADD {address_and_flag} /x/\n")
            assert said in build(code=1).stderr, address_and_flag

    def test_both_doors_of_scow(self, build: Buildx, buildkit_engine: Daemon, address: str) -> None:
        buildkit_engine.scow("build", "-q", "-t", "app", f"{address}#one", timeout_s=120)
        assert build.run("app") == "first\n"
        answer = buildkit_engine.api("POST", f"/build?t=classic&remote={address.replace(':', '%3A')}%23side")
        assert b"Successfully tagged classic:latest" in answer.body
        assert build.run("classic") == "on the side\n"

    def test_a_repository_reaches_no_file_of_the_host(
        self, build: Buildx, repository: Repository, address: str
    ) -> None:
        """Neither by a submodule at a local path nor by links out of it."""
        secret = Repository(repository.path.parent.parent / "host")
        secret.commit({"secret": "of the host\n"})
        repository.git("submodule", "add", "-q", f"file://{secret.path}/.git", "stolen")
        repository.git("commit", "-q", "-m", "a thief")
        assert "transport 'file' not allowed" in build(context=address, code=1).stderr
        repository.git("reset", "-q", "--hard", "two")
        (repository.path / "out").symlink_to("/etc")
        repository.commit({})
        assert "is no folder of" in build(context=f"{address}#main:out", code=1).stderr
