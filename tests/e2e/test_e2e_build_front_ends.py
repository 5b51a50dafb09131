"""Front ends that come as images: what BuildKit makes of one, scowd makes of it."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.build_traces import leftovers
from tests.support.builds import scow_build
from tests.support.buildx import Buildx
from tests.support.daemons import Daemon
from tests.support.front_end_image import guide_parts, python_archive
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.reference("present")]

MODES = Path(__file__).parents[1] / "support/front_end_modes.py"
RECIPE = """# syntax=recipes
base docker.io/library/busybox:latest
run echo hello >/greeting
start cat /greeting
"""
MODE = "# syntax=modes of=behaviour\n"


@pytest.fixture
def front(build: Buildx, tmp_path: Path) -> Buildx:
    """The guide's front end is an image ``recipes``, that of the tests ``modes``."""
    if not build.daemon.api("GET", '/images/json?filters={"reference":["modes"]}').json:
        program, dockerfile = guide_parts()
        build.daemon.load(python_archive())
        build.write("Dockerfile", dockerfile)
        build.write("frontend.py", program)
        build("-t", "recipes")
        build.write("modes.py", MODES.read_text())
        build.write("Dockerfile", MODES_DOCKERFILE)
        build("-t", "modes")
        build.write("Dockerfile", f"{MODES_DOCKERFILE}LABEL moby.buildkit.frontend.network.none=true\n")
        build("-t", "modes:alone")
    build.write("Dockerfile", MODE)
    return build


MODES_DOCKERFILE = """FROM recipes
COPY modes.py /
USER app
WORKDIR /home/app
LABEL moby.buildkit.frontend.caps=moby.buildkit.frontend.contexts
ENTRYPOINT ["python3", "/modes.py"]
CMD ["not", "these"]
"""


def told(build: Buildx, *arguments: str) -> str:
    """What the one file of a result says."""
    out = build.context.parent / "out"
    build(*arguments, "-o", f"type=local,dest={out}")
    return (out / "told").read_text()


def failed(build: Buildx, *arguments: str) -> str:
    """The last line of a build that fails."""
    return build(*arguments, code=1).stderr.strip().splitlines()[-1]


# What works


def test_the_guides_front_end(front: Buildx) -> None:
    front.write("Dockerfile", RECIPE)
    first = front("-t", "greeting")
    assert "resolve image config for docker-image://docker.io/library/recipes:latest" in first.stderr
    assert front.run("greeting") == "hello\n"
    assert "CACHED" in front("-t", "greeting").stderr
    front.write("Dockerfile", RECIPE.replace("hello", "again; false"))
    assert failed(front).endswith("""process "/bin/sh -c echo again; false >/greeting" did not complete \
successfully: exit code: 1""")
    front.write("Dockerfile", f"{RECIPE}bake it\n")
    wrong = front(code=1).stderr
    assert "line 5: bake it: I know base, run and start" in wrong
    assert ">>> # syntax=recipes" in wrong


def test_scows_own_command_line_has_it_too(scow_daemon: Daemon, front: Buildx) -> None:
    if front.daemon is not scow_daemon:
        pytest.skip("of scow")
    front.write("Dockerfile", RECIPE)
    scow_build(scow_daemon, "-t", "greeting", str(front.context))
    assert scow_daemon.docker("run", "--rm", "greeting").out == "hello\n"
    front.write("Dockerfile", f"{RECIPE}bake it\n")
    wrong = scow_build(scow_daemon, str(front.context), code=1).err
    assert ">>> # syntax=recipes" in wrong
    assert "line 5: bake it: I know base, run and start" in wrong


def test_what_the_program_is_told(front: Buildx) -> None:
    found = json.loads(told(front, "--build-arg", "MODE=tell", "--target", "t"))
    assert {"BUILDKIT_SESSION_ID", "BUILDKIT_EXPORTEDPRODUCT", "PATH", "MADE"} <= set(found["variables"])
    assert found["made"] == "yes"
    assert found["session"]
    given = found["options"]
    assert given["build-arg:MODE"] == "tell"
    assert given["target"] == "t"
    assert (given["source"], given["cmdline"]) == ("modes", "modes of=behaviour")
    assert (found["folder"], found["user"], found["arguments"]) == ("/home/app", 0, ["/modes.py"])
    assert found["source"] == "docker-image://docker.io/library/modes:latest"
    assert found["worker"] == ["buildkitVersion", "gcPolicy", "id", "labels", "platforms"]
    assert found["platform"]["os"] == "linux"
    assert len(found["interfaces"]) == 2


def test_an_argument_asks_for_one_too(front: Buildx) -> None:
    front.write("Dockerfile", "this is no Dockerfile\n")
    chosen = ("--build-arg", "BUILDKIT_SYNTAX=modes:alone a b")
    found = json.loads(told(front, *chosen, "--build-arg", "MODE=tell"))
    assert found["interfaces"] == ["lo"]
    assert found["options"]["cmdline"] == "modes:alone a b"
    assert failed(front, *chosen, "--build-arg", "MODE=exit").endswith(
        "failed with build-arg:BUILDKIT_SYNTAX = modes:alone a b: exit code: 3"
    )


@pytest.mark.parametrize("text", ["//syntax=modes\n", '{"syntax": "modes"}', "#!/bin/x\n# syntax=modes\n"])
def test_other_languages_ask_in_their_own_way(front: Buildx, text: str) -> None:
    front.write("Dockerfile", text)
    assert json.loads(told(front, "--build-arg", "MODE=tell"))["options"]["source"] == "modes"


def test_one_front_end_asks_another(front: Buildx) -> None:
    front.write("Dockerfile.inner", "FROM busybox\nRUN echo inner >/x\nCMD cat /x\n")
    front("--build-arg", "MODE=forward", "-t", "forwarded")
    assert front.run("forwarded") == "inner\n"
    image = front.daemon.api("GET", "/images/forwarded/json").json
    assert image["Config"]["Labels"] == {"forwarded": "yes"}


@pytest.mark.parametrize(
    ("mode", "content"), [("resolve", "resolved"), ("warn", "warned"), ("twice", "first")]
)
def test_questions_of_a_front_end(front: Buildx, mode: str, content: str) -> None:
    assert told(front, "--build-arg", f"MODE={mode}") == content
    if mode == "warn":
        shown = front("--build-arg", "MODE=warn").stderr
        assert "1 warning found" in shown


# What does not

WRONG = {
    "nothing": "no result for incomplete build",
    "exit": "exit code: 3",
    "late": "exit code: 5",
    "error": "the front end says no",
    "rubbish": "frontend grpc server closed unexpectedly",
    "wrong return": "return reference nothing-of-that-name not found",
    "unknown": "exit code: 1",
}


@pytest.mark.parametrize("mode", WRONG)
def test_front_ends_that_fail(front: Buildx, mode: str) -> None:
    shown = front("--build-arg", f"MODE={mode}", code=1).stderr
    assert shown.strip().splitlines()[-1].endswith(WRONG[mode]), shown
    assert f">>> {MODE}" in shown


def test_images_that_are_no_front_end(front: Buildx) -> None:
    front.write("Dockerfile", "# syntax=busybox\n")
    assert failed(front).endswith("exit code: 1")
    front.write("Dockerfile", "# syntax=Not/A/Name\n")
    assert "must be lowercase" in failed(front)
    front.write("Dockerfile", "# syntax=localhost:1/none\n")
    assert "failed to resolve source metadata for localhost:1/none:latest" in failed(front)


def test_abilities_that_are_wanted(front: Buildx) -> None:
    front.write("Dockerfile", "# syntax=recipes\n")
    given = ("--build-context", "other=docker-image://busybox")
    assert "current frontend does not support --build-context" in failed(front, *given)
    front.write("Dockerfile", MODE)
    assert json.loads(told(front, *given, "--build-arg", "MODE=tell"))["options"]["context:other"]
    replaced = ("--build-context", "elsewhere=docker-image://modes")
    front.write("Dockerfile", "# syntax=elsewhere\n")
    assert json.loads(told(front, *replaced, "--build-arg", "MODE=tell"))["options"]["source"] == "elsewhere"


# Of scowd alone


@pytest.fixture
def ours(scow_daemon: Daemon, front: Buildx) -> Buildx:
    if front.daemon is not scow_daemon:
        pytest.skip("what scowd has, and keeps, on its disk")
    return front


def test_a_result_for_each_platform(ours: Buildx, tmp_path: Path) -> None:
    ours.remote("--build-arg", "MODE=platforms")
    ours("-o", f"type=oci,dest={tmp_path}/image.tar")
    with tarfile.open(tmp_path / "image.tar") as archive:

        def document(digest: str) -> dict[str, Any]:
            file = archive.extractfile(f"blobs/sha256/{digest.removeprefix('sha256:')}")
            assert file is not None
            found: dict[str, Any] = json.load(file)
            return found

        top = archive.extractfile("index.json")
        assert top is not None
        index = document(json.load(top)["manifests"][0]["digest"])
        images = [it for it in index["manifests"] if it["platform"]["os"] == "linux"]
        assert [it["platform"]["architecture"] for it in images] == ["amd64", "arm64"]
        configs = [document(document(it["digest"])["config"]["digest"]) for it in images]
        assert [it["config"]["Env"] for it in configs] == [["M=amd64"], ["M=arm64"]]
    assert "missing platforms mapping" in failed(ours, "--build-arg", "UNLISTED=1", "-o", "type=cacheonly")


def test_a_client_that_goes_away_ends_its_front_end(ours: Buildx) -> None:
    daemon = ours.daemon
    client = ours.start("--build-arg", "MODE=hang")
    wait_until(lambda: daemon.programs("/modes.py"), "the front end runs")
    client.kill()
    client.communicate()
    wait_until(lambda: not daemon.programs("/modes.py"), "the front end has ended")
    wait_until(lambda: not leftovers(daemon), f"nothing is left but {leftovers(daemon)}")


def test_a_killed_engine_leaves_nothing_of_a_front_end(ours: Buildx) -> None:
    daemon = ours.daemon
    client = ours.start("--build-arg", "MODE=hang")
    wait_until(lambda: daemon.programs("/modes.py"), "the front end runs")
    daemon.kill9()
    client.communicate()
    daemon.start()
    wait_until(lambda: not daemon.programs("/modes.py"), "the front end has ended")
    wait_until(lambda: not leftovers(daemon), f"nothing is left but {leftovers(daemon)}")
    assert not list((daemon.data_root / "tmp").glob("builds/*"))
    assert told(ours, "--build-arg", "MODE=resolve") == "resolved"
    wait_until(lambda: not leftovers(daemon), f"nothing is left but {leftovers(daemon)}")
