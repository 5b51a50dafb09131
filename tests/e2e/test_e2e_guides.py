"""What the guides about builds print is what happens: their blocks are run as they stand.

Names of a registry, a repository and a socket are replaced by those of the test, and the images that the
examples begin with are stand-ins: busybox with a script by the name of each program.
"""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.daemons import Daemon
from tests.support.environment import clean_environment, program
from tests.support.git_server import Repository, git_server
from tests.support.guide_pages import examples, headings
from tests.support.present_docker import give_plugins
from tests.support.registry import Registry, registry

pytestmark = [pytest.mark.root, pytest.mark.needs("docker", "docker-registry", "git", "ssh-agent")]

BUILDING, BAKING = "guides/building.md", "guides/baking.md"
PLAIN = "FROM scratch\nARG VERSION\nCOPY app.txt /\nLABEL version=$VERSION\n"
STAGED = "FROM busybox AS release\nARG VERSION\nCOPY app.txt /src/\nRUN echo 3 >/version\nCMD cat /version\n"
PROGRAMS = {
    "apt-get": 'test "$1" = update || echo "$@" >>/installed',
    "git": 'test -S "$SSH_AUTH_SOCK" && test "$1 $2" = "clone git@example.org:private.git"',
    "go": 'test "$1 $2 $3" = "build -o /app" && echo "for $GOARCH" >/app',
    "make": "test -e /src/Makefile",
    "npm": "grep -q token /root/.npmrc",
    "pip": "touch /root/.cache/wheel && test -e requirements.txt",
}
# The beginning of a line that is not run here, and where it is.
ELSEWHERE = {
    "scow build -t app git@example.org": "test_e2e_build_git, with a real sshd",
    "apt-get install": "test_e2e_binfmt; interpreters are the whole machine's",
    "scow binfmt": "test_e2e_binfmt",
}


class Reader:
    """Who follows a guide in ``folder``, with ``scow`` and the real ``docker`` on ``engine``."""

    def __init__(self, engine: Daemon, folder: Path, store: Registry, git: str) -> None:
        self.engine, self.folder, self.store = engine, folder, store
        self._names = {
            "https://example.org": git,
            "registry.example.org": store.address,
            "unix:///run/scow/scow.sock": engine.host,
        }
        home = folder.parent / "home"
        (home / "bin").mkdir(parents=True)
        (home / "bin/scow").symlink_to(program("scow"))
        (home / ".npmrc").write_text("token\n")
        give_plugins(home / ".docker")
        self._env = clean_environment(home) | {"DOCKER_HOST": engine.host, "DOCKER_BUILDKIT": "1"}
        self._env["PATH"] = f"{home}/bin:{self._env['PATH']}"

    def run(self, script: str) -> str:
        """Run lines of bash as they stand in a guide; everything that they print."""
        lines = [line for line in script.splitlines() if not line.startswith(tuple(ELSEWHERE))]
        text = "\n".join(lines)
        for name, here in self._names.items():
            text = text.replace(name, here)
        done = subprocess.run(
            self.engine.namespace.command("bash", "-euo", "pipefail", "-c", text),
            env=self._env, cwd=self.folder, text=True, timeout=200,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout}"
        return done.stdout

    def write(self, **files: str) -> None:
        """Files of the folder; ``__`` is a dot, ``_`` a slash."""
        for name, text in files.items():
            path = self.folder / name.replace("__", ".").replace("_", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


@pytest.fixture(scope="module")
def stand_ins(scow_daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The images that the examples begin with."""
    folder = tmp_path_factory.mktemp("stand-ins")
    for name, script in PROGRAMS.items():
        (folder / name).write_text(f"#!/bin/sh\nset -e\n{script}\n")
        (folder / name).chmod(0o755)
    (folder / "Dockerfile").write_text("FROM busybox\nCOPY * /usr/local/bin/\n")
    tags = [word for name in ("golang", "debian:bookworm", "programs") for word in ("-t", name)]
    scow_daemon.scow("build", *tags, str(folder), env={"DOCKER_BUILDKIT": "1"})


@pytest.fixture
def reader(scow_daemon: Daemon, stand_ins: None, tmp_path: Path) -> Iterator[Reader]:
    """In a repository with what the examples name, tagged and served."""
    root, space = tmp_path / "repositories", scow_daemon.namespace
    project = {"Dockerfile": STAGED, "deploy/Dockerfile": STAGED, "app.txt": "app\n"}
    server = {f"server/{name}": project[name] for name in ("Dockerfile", "app.txt")}
    repository = Repository(root / "app")
    repository.commit(project | server, "v1.2")
    (root / "app.git").symlink_to(repository.path / ".git")
    with registry(tmp_path / "registry", space) as store, git_server(root, space, 8428) as git:
        yield Reader(scow_daemon, repository.path, store, git)


def _first(reader: Reader) -> None:
    (commands,) = examples(BUILDING)
    reader.run(commands)
    assert reader.engine.docker("run", "--rm", "app").out == "3\n"


def _again(reader: Reader) -> None:
    reader.write(Dockerfile="FROM programs\nWORKDIR /src\nCOPY . .\nRUN make\n", Makefile="")
    reader.run("scow build .")
    reader.write(Makefile="all:\n")
    said = reader.run("scow build --explain .")
    (shown,) = examples(BUILDING, "What is built again")
    for line in shown.splitlines():
        assert line in said


def _secrets(reader: Reader) -> None:
    (block,) = examples(BUILDING, "Secrets, caches, agents")
    steps, _, command = block.rpartition("\n\n")
    syntax, _, runs = steps.partition("\n")
    reader.write(
        Dockerfile=f"{syntax}\nFROM programs\nWORKDIR /w\nCOPY app.txt requirements.txt\n{runs}\n",
    )
    reader.run(f"eval $(ssh-agent) >/dev/null; trap 'ssh-agent -k >/dev/null' EXIT\n{command}")


def _used(reader: Reader) -> None:
    (commands,) = examples(BUILDING, "What a step may use")
    reader.run(commands)


def _history(reader: Reader) -> None:
    reader.run("scow build -t remembered .")
    (commands,) = examples(BUILDING, "What was built")
    said = reader.run(commands)
    assert "Completed" in said
    assert "RUN echo 3 >/version" in said
    assert '"buildDefinition"' in said


def _files(reader: Reader) -> None:
    reader.write(Dockerfile=PLAIN)
    (commands,) = examples(BUILDING, "Files instead of an image")
    reader.run(commands)
    assert (reader.folder / "out/app.txt").read_text() == "app\n"
    assert "app.txt" in reader.run("tar tf out.tar")
    assert "Loaded image: app:latest" in reader.run("docker load -i app.tar")


def _platforms(reader: Reader) -> None:
    reader.write(Dockerfile=PLAIN)
    commands, dockerfile, interpreters = examples(BUILDING, "Several platforms")
    reader.run(commands)
    assert (reader.folder / "out/linux_arm64/app.txt").exists()
    # A base for both machines, which is nowhere but in the registry.
    base = "registry.example.org/debian:bookworm-slim"
    reader.run(f"scow build --platform linux/amd64,linux/arm64 -t {base} --push .")
    reader.write(Dockerfile=dockerfile)
    given = f"--build-context debian:bookworm-slim=docker-image://{base}"
    reader.run(f"scow build --platform linux/amd64,linux/arm64 {given} -o compiled .")
    assert (reader.folder / "compiled/linux_arm64/app").read_text() == "for arm64\n"
    assert all(line.startswith(tuple(ELSEWHERE)) for line in interpreters.splitlines())


def _caches(reader: Reader) -> None:
    (commands,) = examples(BUILDING, "Caches of other engines")
    reader.run(commands)
    assert (reader.folder / "cache/index.json").exists()


def _attested(reader: Reader) -> None:
    reader.write(Dockerfile=PLAIN)
    (commands,) = examples(BUILDING, "What vouches for an image")
    assert "attestation-manifest" in reader.run(commands)


def _same(reader: Reader) -> None:
    (command,) = examples(BUILDING, "The same image again")
    digests = []
    for _ in range(2):
        reader.run(command)
        digests.append(reader.run("tar xOf app.tar index.json"))
        reader.run("scow builder prune -af")
    assert digests[0] == digests[1]


def _dockers_client(reader: Reader) -> None:
    reader.write(Dockerfile=PLAIN)
    (commands,) = examples(BUILDING, "With Docker's own client")
    reader.run(commands)
    assert (reader.folder / "cache/index.json").exists()


def _composed(reader: Reader) -> None:
    (block,) = examples(BUILDING, "One Dockerfile out of several")
    commands, dockerfile = block.split("\n\n")
    shared = reader.folder.parent / "shared/config"
    shared.mkdir(parents=True)
    (shared / "app.conf").write_text("shared\n")
    tools, _, app = commands.partition("\n")
    reader.write(tools__Dockerfile="FROM programs\n", Dockerfile=dockerfile)
    reader.run(f"{tools}\n{app} -o composed")
    assert (reader.folder / "composed/etc/app/app.conf").read_text() == "shared\n"
    assert (reader.folder / "composed/usr/local/bin/make").exists()


_FOLLOWED: dict[str, Callable[[Reader], None]] = {
    "": _first,
    "What is built again": _again,
    "Secrets, caches, agents": _secrets,
    "What a step may use": _used,
    "What was built": _history,
    "Files instead of an image": _files,
    "Several platforms": _platforms,
    "Caches of other engines": _caches,
    "What vouches for an image": _attested,
    "The same image again": _same,
    "With Docker's own client": _dockers_client,
    "One Dockerfile out of several": _composed,
}


@pytest.mark.parametrize("heading", list(_FOLLOWED))
def test_the_guide_to_builds_can_be_followed(reader: Reader, heading: str) -> None:
    _FOLLOWED[heading](reader)


def test_every_example_of_that_guide_is_followed() -> None:
    assert [it for it in headings(BUILDING) if examples(BUILDING, it)] == list(_FOLLOWED)


def test_the_first_image_of_ones_own(reader: Reader) -> None:
    (commands,) = examples("guides/getting-started.md", "An image of your own")
    assert reader.run(commands.replace("sudo ../.venv/bin/", "")).endswith("\nhello\n")


def test_the_guide_to_bake_can_be_followed(reader: Reader) -> None:
    commands, definition = examples(BAKING)
    dockerfile = (
        "FROM debian:bookworm\nARG VERSION PYTHON\nRUN echo $VERSION $PYTHON >/built\nCMD cat /built\n"
    )
    reader.write(**{"docker-bake__hcl": definition, "app_Dockerfile": dockerfile})
    said = reader.run(commands)
    assert '"app"' in said
    assert "tools" in said
    for image, said in (
        ("app:dev", "dev\n"),
        ("app-tests:3.11", "dev 3.11\n"),
        ("app-tests:3.12", "dev 3.12\n"),
    ):
        assert reader.engine.docker("run", "--rm", f"reg.lan/{image}").out == said
