"""What a build is told of the repository that it is made from, by git itself."""

from pathlib import Path

import pytest

from scow.cli.building.git_facts import GitError, git_options
from tests.support.git_server import Repository

pytestmark = pytest.mark.needs("git")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return Repository(tmp_path / "app")


def options(repository: Repository, folder: str = ".", **environ: str) -> dict[str, str]:
    place = str(repository.path / folder)
    folders = {"context": place, "dockerfile": f"{place}/docker", "other": str(repository.path.parent)}
    return git_options(environ, folders, f"{place}/docker/Dockerfile")


def test_where_files_are_from(repository: Repository) -> None:
    commit = repository.commit({"sub/docker/Dockerfile": "FROM scratch\n"})
    repository.git("remote", "add", "origin", "https://me:secret@host/x.git")
    assert options(repository, "sub") == {
        "vcs:revision": commit,
        "vcs:source": "https://xxxxx:xxxxx@host/x.git",
        "vcs:localdir:context": "sub",
        "vcs:localdir:dockerfile": "sub/docker",
    }


def test_the_address_is_that_of_the_branch_followed(repository: Repository) -> None:
    repository.commit({"a": "b"})
    for name in ("upstream", "origin", "fork"):
        repository.git("remote", "add", name, f"ssh://git@host/{name}.git")
        if name == "upstream":
            assert options(repository)["vcs:source"] == "ssh://xxxxx@host/upstream.git"
    assert options(repository)["vcs:source"] == "ssh://xxxxx@host/origin.git"
    repository.git("config", "branch.main.remote", "fork")
    repository.git("config", "branch.main.merge", "refs/heads/main")
    assert options(repository)["vcs:source"] == "ssh://xxxxx@host/fork.git"


def test_labels_and_what_was_changed_since(repository: Repository) -> None:
    commit = repository.commit({"docker/Dockerfile": "FROM scratch\n"})
    repository.git("remote", "add", "origin", "git@host:x.git")
    labels = {
        "label:org.opencontainers.image.revision": commit,
        "label:org.opencontainers.image.source": "git@host:x.git",
        "label:com.docker.image.source.entrypoint": "docker/Dockerfile",
    }
    assert options(repository, BUILDX_GIT_LABELS="full", BUILDX_GIT_INFO="0") == labels
    assert options(repository, BUILDX_GIT_LABELS="1").items() > labels.items()
    checked = {"BUILDX_GIT_CHECK_DIRTY": "true"}
    assert options(repository, **checked)["vcs:revision"] == commit
    (repository.path / "new").write_text("x")
    assert options(repository)["vcs:revision"] == commit
    assert options(repository, **checked)["vcs:revision"] == f"{commit}-dirty"


def test_a_repository_without_a_commit(repository: Repository) -> None:
    found = options(repository)
    assert found == {"vcs:localdir:context": ".", "vcs:localdir:dockerfile": "docker"}


def test_what_is_no_repository(tmp_path: Path) -> None:
    assert git_options({}, {"context": str(tmp_path)}, "") == {}
    assert git_options({}, {}, "") == {}


def test_a_repository_that_git_cannot_read(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(GitError):
        git_options({}, {"context": str(tmp_path)}, "")
    assert git_options({"BUILDX_GIT_INFO": "false"}, {"context": str(tmp_path)}, "") == {}
