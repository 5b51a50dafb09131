"""``buildx bake`` and builders: what the real buildx prints, and what becomes of targets on the engine."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builds import forget_builds
from tests.support.client_packages import NotInstalledError
from tests.support.clients import Result
from tests.support.daemons import Daemon
from tests.support.environment import clean_environment
from tests.support.git_server import Repository, git_server
from tests.support.present_docker import present_docker
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root

DEFINITIONS = """
variable "TAG" { default = "latest" }
variable "N" { default = 3 }
function "up" {
  params = [a, b]
  variadic_params = rest
  result = "${a}-${upper(b)}-${join(",", rest)}"
}
group "default" { targets = ["app", "m"] }
target "base" {
  dockerfile = "Dockerfile.base"
  args = { A = "1", B = TAG, N = N + 1, D = false, Q = "<&>" }
  labels = { "x.y" = up("a", "b", "c", "d") }
}
target "app" {
  inherits = ["base"]
  context = "./app"
  contexts = { src = "target:base", img = "docker-image://alpine" }
  tags = [for t in ["a", "b"]: "img:${t}" if t != "c"]
  args = { A = "2", C = null }
  output = ["type=docker"]
  cache-from = ["user/app:cache", "type=local,src=x"]
  no-cache-filter = ["st"]
  annotations = ["org.x=y"]
  attest = ["type=provenance,mode=max"]
  dockerfile-inline = <<EOT
FROM alpine
RUN echo ${TAG}
EOT
}
target "m" {
  matrix = { item = [{ name = "a", v = 1 }, { name = "b", v = 2 }], os = ["x", "y"] }
  name = "m-${item.name}-${os}"
  args = { V = item.v, OS = os, T = "%{ if os == "x" }yes%{ else }no%{ endif }" }
}
"""
REMOTE = """
variable "V" {}
group "default" { targets = ["app", "sub"] }
target "app" { args = { V = V } }
target "sub" {
  context = "sub"
  tags = ["sub:r"]
  contexts = { other = ".", base = "target:app" }
}
"""
COMPOSE = """
services:
  web.app:
    image: web:${TAG:-1}
    build:
      context: ./web
      target: final
      args: {A: "1", B: , C: $$x}
      labels: ["a=b"]
      additional_contexts: {base: "docker-image://busybox"}
      secrets: [token]
      shm_size: 64m
      x-bake: {tags: ["t:1"], platforms: linux/amd64}
  api: {build: api}
secrets: {token: {file: ./token}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _tidy(scow_daemon: Daemon) -> Iterator[None]:
    yield
    forget_builds(scow_daemon)


def buildx(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """The real one, which prints without an engine."""
    try:
        program = present_docker() / "usr/libexec/docker/cli-plugins/docker-buildx"
    except NotInstalledError as exc:
        pytest.skip(str(exc))
    return subprocess.run(
        [str(program), *arguments], env=clean_environment(home), capture_output=True, text=True
    )


def scow_bake(daemon: Daemon, *arguments: str, code: int | None = 0, input: str | None = None) -> Result:
    result: Result = daemon.scow("buildx", "bake", *arguments, code=code, input=input, timeout_s=120)
    return result


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("base", "m"),
        (
            "--set",
            "*.args.X=1",
            "--set",
            "m-a-x.platform=linux/arm64",
            "--set",
            "app.tags=z",
            "base",
            "app",
            "m-a-x",
        ),
        ("--push", "--no-cache", "--pull", "m"),
        ("--load", "--pull=false", "app"),
        ("-f", "compose.yaml"),
        ("-f", "compose.yaml", "-f", "docker-bake.hcl", "-f", "more.json", "web_app", "extra"),
    ],
)
def test_what_is_printed_is_what_buildx_prints(
    scow_daemon: Daemon, folder: Path, arguments: tuple[str, ...]
) -> None:
    (folder / "docker-bake.hcl").write_text(DEFINITIONS)
    (folder / "compose.yaml").write_text(COMPOSE)
    (folder / "token").write_text("t")
    (folder / "more.json").write_text(
        '{"variable": {"V": {"default": "x"}}, "target": {"api": {"no-cache": true, "args": {"V": "${V}y"}},'
        ' "extra": {"inherits": ["api"], "tags": ["a", "b"]}}}'
    )
    theirs = buildx("bake", "--print", *arguments, home=folder)
    assert theirs.returncode == 0, theirs.stderr
    ours = scow_bake(scow_daemon, "--print", *arguments).out
    assert in_one_order(ours) == in_one_order(theirs.stdout)


def in_one_order(printed: str) -> str:
    """Buildx goes through matrices and services in no order: groups of those are of no order either."""
    document = json.loads(printed)
    for group in document.get("group", {}).values():
        group["targets"].sort()
    return printed[:10] + json.dumps(document, indent=2)


@pytest.mark.parametrize(
    ("definitions", "arguments"),
    [
        ('target "x" {}', ("nope",)),
        ('target "x" {}', ("--set", "x.foo=1", "x")),
        ('target "x" {}', ("--set", "x.args=1", "x")),
        ('target "x" {}', ("--set", "x.push=perhaps", "x")),
        ('target "x" {}', ("--set", "y.tags=1", "x")),
        ('target "x" {\n a = \n}\n', ("x",)),
        ('variable "V" { default = f() }\ntarget "x" { tags = [V] }\n', ("x",)),
        ('variable "V" { default = V }\ntarget "x" { tags = [V] }\n', ("x",)),
    ],
)
def test_mistakes_are_told_as_buildx_tells_them(
    scow_daemon: Daemon, folder: Path, definitions: str, arguments: tuple[str, ...]
) -> None:
    (folder / "docker-bake.hcl").write_text(definitions)
    theirs = buildx("bake", "--print", *arguments, home=folder)
    assert theirs.returncode == 1
    ours = scow_bake(scow_daemon, "--print", *arguments, code=1)
    message = theirs.stderr.rstrip().rpartition("ERROR: ")[2].removesuffix(", and 1 other diagnostic(s)")
    assert ours.err.rstrip().rpartition("ERROR: ")[2] == message


def test_targets_are_built_from_each_other(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "app").mkdir()
    (folder / "app/Dockerfile").write_text("FROM base\nARG V\nRUN echo $V >>/made\nCMD cat /made\n")
    (folder / "docker-bake.hcl").write_text(
        'target "base" {\n dockerfile-inline = "FROM busybox\\nRUN echo base >/made\\n"\n}\n'
        'target "app" {\n context = "app"\n contexts = { base = "target:base" }\n args = { V = "one" }\n'
        ' tags = ["app:1"]\n}\n'
        'target "other" {\n inherits = ["app"]\n args = { V = "two" }\n tags = ["other:1"]\n}\n'
        'group "default" { targets = ["app", "other"] }\n'
    )
    built = scow_bake(scow_daemon, "--metadata-file", "meta.json")
    assert "[base 2/2] RUN echo base >/made\n" in built.err
    assert "[app 2/2] RUN echo one >>/made\n" in built.err
    assert scow_daemon.docker("run", "--rm", "app:1").out == "base\none\n"
    assert scow_daemon.docker("run", "--rm", "other:1").out == "base\ntwo\n"
    facts = json.loads((folder / "meta.json").read_text())
    assert set(facts) == {"app", "other"}
    image_id = scow_daemon.docker("inspect", "-f", "{{.Id}}", "app:1").out.strip()
    assert facts["app"]["containerimage.config.digest"] == image_id
    tags = [it["RepoTags"] for it in scow_daemon.api("GET", "/images/json").json]
    assert None not in tags  # the base was nobody's target
    assert [] not in tags


def test_one_that_fails_ends_the_others(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "docker-bake.hcl").write_text(
        'target "slow" { dockerfile-inline = "FROM busybox\\nRUN sleep 3600" }\n'
        'target "bad" { dockerfile-inline = "FROM busybox\\nRUN echo last words; exit 3" }\n'
        'group "default" { targets = ["slow", "bad"] }\n'
    )
    failed = scow_bake(scow_daemon, code=1)
    assert " > [bad 2/2] RUN echo last words; exit 3:\n" in failed.err
    assert failed.err.rstrip().endswith("exit code: 3")
    assert "ERROR: target bad: failed to solve: " in failed.err


def test_definitions_from_standard_input_and_results_elsewhere(scow_daemon: Daemon, folder: Path) -> None:
    definition = 'target "default" {\n dockerfile-inline = "FROM scratch\\nCOPY a /b"\n output = ["out"]\n}\n'
    (folder / "a").write_text("content")
    scow_bake(scow_daemon, "-f", "-", input=definition)
    assert (folder / "out/b").read_text() == "content"
    scow_bake(scow_daemon, "-f", "-", "--set", "default.output=type=tar,dest=x.tar", input=definition)
    assert (folder / "x.tar").stat().st_size > 1024
    (folder / "Dockerfile").write_text("FROM busybox\nMAINTAINER x\n")
    checked = scow_bake(scow_daemon, "-f", "-", "--check", input='target "default" {}\n', code=None)
    assert "MaintainerDeprecated" in checked.out + checked.err


def test_rights_must_be_given(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "docker-bake.hcl").write_text(
        'target "default" {\n dockerfile-inline = "FROM busybox"\n entitlements = ["security.insecure"]\n}\n'
    )
    refused = scow_bake(scow_daemon, code=1).err
    assert 'Pass "--allow=security.insecure" to grant requested privileges.' in refused
    given = scow_bake(scow_daemon, "--allow", "security.insecure", code=1)
    assert "security.insecure is not allowed by build daemon configuration" in given.err


def test_builders_are_stored_as_buildx_stores_them(scow_daemon: Daemon, folder: Path) -> None:
    def run(*words: str, code: int = 0) -> Result:
        result: Result = scow_daemon.scow("buildx", *words, code=code, env={"DOCKER_CONFIG": str(folder)})
        return result

    assert run("create", "--name", "mine", "--use", "--driver-opt", "network=host").out == "mine\n"
    stored = json.loads((folder / "buildx/instances/mine").read_text())
    assert stored == {
        "Name": "mine",
        "Driver": "docker-container",
        "Nodes": [
            {
                "Name": "mine0",
                "Endpoint": scow_daemon.host,
                "Platforms": None,
                "DriverOpts": {"network": "host"},
                "Flags": ["--allow-insecure-entitlement=network.host"],
                "Files": None,
            }
        ],
        "Dynamic": False,
    }
    listed = run("ls").out.splitlines()
    assert listed[0].split() == ["NAME/NODE", "DRIVER/ENDPOINT", "STATUS", "BUILDKIT", "PLATFORMS"]
    assert listed[1].split() == ["mine*", "docker-container"]
    assert listed[2].split()[:4] == ["\\_", "mine0", "\\_", scow_daemon.host]
    assert "running" in listed[2]
    assert run("ls", "--format", "{{.Name}}").out.split() == ["mine", "mine0", "default", "default"]
    assert 'Driver Options:        network="host"\n' in run("inspect").out
    run("use", "default")
    assert run("ls").out.splitlines()[3].split() == ["default*", "docker"]
    (folder / "Dockerfile").write_text("FROM busybox\nRUN true\n")
    run("build", "--builder", "mine", "-t", "by:mine", ".")
    assert scow_daemon.docker("run", "--rm", "by:mine", "echo", "x").out == "x\n"
    run("create", "--name", "far", "--driver", "remote", scow_daemon.host)
    assert "running" in run("inspect", "far").out
    run("rm", "far")
    run("stop", "mine")
    assert run("rm", "mine").err == "mine removed\n"
    assert 'ERROR: no builder "mine" found' in run("inspect", "mine", code=1).err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("create", "--driver", "docker"), 'additional instances of driver "docker" cannot be created'),
        (("create", "--driver", "foo"), 'failed to find driver "foo"'),
        (("create", "--driver", "remote"), "no remote endpoint provided"),
        (("create", "--name", "1x"), "invalid name 1x, name needs to start with a letter"),
        (("create", "--append"), "append requires a builder name"),
        (("inspect", "nope"), 'no builder "nope" found'),
        (("use", "nope"), 'failed to find instance "nope"'),
        (("rm", "default"), "failed to remove one or more builders"),
    ],
)
def test_builders_that_cannot_be(
    scow_daemon: Daemon, folder: Path, words: tuple[str, ...], message: str
) -> None:
    theirs = buildx(*words, home=folder)
    ours = scow_daemon.scow("buildx", *words, code=1)
    assert theirs.returncode == 1
    assert message in theirs.stderr
    assert message in ours.err


def test_du_and_prune_of_the_cache(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM busybox\nRUN head -c 3000000 /dev/zero >/zeros\n")
    scow_daemon.scow("build", "-o", "out", ".", env={"DOCKER_BUILDKIT": "1"})
    shown = scow_daemon.scow("buildx", "du").out
    assert shown.splitlines()[0].split("\t")[0] == "ID"
    assert "3MB" in shown
    assert "Reclaimable:\t3MB\nTotal:\t\t3MB\n" in shown
    whole = scow_daemon.scow("buildx", "du", "--verbose").out
    assert "Description:\t[2/2] RUN head -c 3000000 /dev/zero >/zeros\n" in whole
    assert scow_daemon.scow("buildx", "du", "--filter", "type=exec.cachemount").out.count("\n") == 1
    by_template = scow_daemon.scow("buildx", "du", "--format", "{{.Type}} {{.Size}}").out
    assert by_template == "regular 3MB\n"
    assert scow_daemon.scow("buildx", "prune", "-f", "--max-used-space", "10mb").out == "Total:\t0B\n"
    pruned = scow_daemon.scow("buildx", "prune", "-f", "--verbose", "--filter", "until=0s").out
    assert "Size:\t\t3MB\n" in pruned
    assert pruned.endswith("Total:\t3MB\n")
    assert "Total:\t\t0B\n" in scow_daemon.scow("buildx", "du").out


@pytest.fixture
def repository(scow_daemon: Daemon, tmp_path: Path) -> Iterator[str]:
    """The address of one with definitions, tagged ``one``, that has others since."""
    made = Repository(tmp_path / "repositories" / "app")
    files = {
        "docker-bake.hcl": REMOTE, "text": "top\n", "sub/f": "below\n",
        "Dockerfile": "FROM busybox\nARG V\nRUN echo $V >/v\nCOPY text /text\n",
        "sub/Dockerfile": "FROM base\nCOPY f /f\nCOPY --from=other text /other\n",
    }  # fmt: skip
    made.commit(files, "one")
    made.commit({"docker-bake.hcl": "this is no definition"})
    with git_server(made.path.parent, scow_daemon.namespace, 8419) as root:
        yield f"{root}/app/.git"


@pytest.mark.needs("git")
def test_definitions_of_a_repository(scow_daemon: Daemon, repository: str) -> None:
    scow = scow_daemon.scow
    scow("buildx", "bake", f"{repository}#one", "--var", "V=7", timeout_s=120)
    assert scow_daemon.docker("run", "--rm", "sub:r", "cat", "/v", "/f", "/other").out == "7\nbelow\ntop\n"
    printed = json.loads(scow("buildx", "bake", f"{repository}#one", "--print", "sub").out)
    sub = printed["target"]["sub"]
    assert sub["context"] == f"{repository}#one:sub"
    assert sub["contexts"] == {"base": "target:app", "other": f"{repository}#one"}
    assert "Invalid" in scow("buildx", "bake", repository, "--print", code=1).err
    missing = scow("buildx", "bake", f"{repository}#one", "-f", "none.hcl", code=1).err
    assert '"/none.hcl": not found' in missing


def test_a_definition_by_itself_is_about_what_is_here(scow_daemon: Daemon, folder: Path) -> None:
    (folder / "d.hcl").write_text('target "default" { tags = ["alone:r"] }\n')
    (folder / "Dockerfile").write_text("FROM busybox\nCOPY d.hcl /\n")
    server = scow_daemon.namespace.command(sys.executable, "-m", "http.server", "-b", "127.0.0.1", "8420")
    process = subprocess.Popen(server, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(
            lambda: scow_daemon.namespace.run("bash", "-c", "</dev/tcp/127.0.0.1/8420").returncode == 0,
            "a server",
        )
        scow_daemon.scow("buildx", "bake", "http://127.0.0.1:8420/d.hcl", timeout_s=120)
    finally:
        process.kill()
        process.wait()
    assert "alone:r" in scow_daemon.docker("run", "--rm", "alone:r", "cat", "/d.hcl").out
