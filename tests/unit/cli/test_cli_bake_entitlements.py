"""What a definition would do to this machine is known before it does it."""

import os
from pathlib import Path

import pytest

from scow.cli.bake.entitlements import Entitlements, grant_overridden, missing, parse_allowed, told
from scow.cli.bake.hcl_nodes import Source
from scow.cli.bake.plan import Plan, make_plan
from scow.cli.bake.reading import written_in
from scow.errors import InvalidArgumentError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: below one that a definition has no business in."""
    here = tmp_path / "outside" / "here"
    (here / "app").mkdir(parents=True)
    monkeypatch.chdir(here)
    return here


def options(definition: str, *allowed: str, settings: tuple[str, ...] = ()) -> list[str]:
    """The options that are missing to build the target ``t``, which says ``definition``."""
    plan = plan_of(definition, settings)
    given = parse_allowed(allowed)
    for name, overrides in plan.overrides.items():
        if name in plan.targets:
            grant_overridden(given, plan.targets[name], overrides)
    return told(missing(given, plan.targets.values()))[1]


def plan_of(definition: str, settings: tuple[str, ...] = ()) -> Plan:
    text = f'target "t" {{\n{definition}\n}}\ntarget "other" {{ output = ["type=local,dest=/etc/other"] }}\n'
    return make_plan(written_in([Source("docker-bake.hcl", text)], {}, {}), ("t",), settings)


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ('context = "app"', []),
        ('context = ".."', ["fs.read=.."]),
        ('context = "../.."', ["fs.read=<outside>"]),
        ('dockerfile = "../../Dockerfile"', ["fs.read=<outside>"]),
        ('contexts = { x = "/usr" }', ["fs.read=/usr"]),
        ('contexts = { x = "oci-layout:///usr/layout@sha256:1" }', ["fs.read=/usr"]),
        ('contexts = { x = "docker-image://busybox", y = "https://x/y.git", z = "target:other" }', []),
        ('context = "https://x/y.git"\ndockerfile = "sub/Dockerfile"', []),
        ('context = "https://x/y.git"\ndockerfile = "cwd:///usr/Dockerfile"', ["fs.read=/usr"]),
        ('output = ["out", "type=oci,dest=x.tar", "type=registry", "-"]', []),
        ('output = ["/usr/out"]', ["fs.write=/usr"]),
        ('output = [{ type = "tar", dest = "/usr/x.tar" }]', ["fs.write=/usr"]),
        ('output = ["type=local,dest=out,mode=delete"]', ["buildx.local.delete"]),
        ('cache-to = ["type=local,dest=/usr/c"]\ncache-from = ["type=local,src=/usr/c"]', ["fs=/usr"]),
        ('cache-from = ["user/app:cache"]', []),
        ('secret = ["id=a,src=/etc/passwd", "id=b,env=B"]', ["fs.read=/etc/passwd"]),
        ('secret = ["id=/etc/passwd"]', ["fs.read=/etc/passwd"]),
        ('ssh = ["default"]', ["ssh"]),
        ('ssh = ["k=/usr/key"]', ["fs.read=/usr"]),
        ('network = "host"', ["network.host"]),
        (
            'entitlements = ["security.insecure", "device=vendor.com/x"]',
            ["security.insecure", "device=vendor.com/x"],
        ),
        ('contexts = { a = "/usr/lib", b = "/usr", c = "/usr/lib/x" }', ["fs.read=/usr"]),
    ],
)
def test_what_is_asked_for(folder: Path, definition: str, expected: list[str]) -> None:
    outside = str(folder.parent.parent)
    assert options(definition) == [f"--allow={it}".replace("<outside>", outside) for it in expected]


@pytest.mark.parametrize(
    ("definition", "allowed"),
    [
        ('context = ".."', ("fs.read=..",)),
        ('context = ".."', ("fs=*",)),
        ('output = ["/usr/out"]', ("fs.write=/usr",)),
        ('output = ["/usr/out/x"]', ("fs.write=/usr/out",)),
        ('output = ["/usr/out"]', ("fs=/usr/",)),
        ('ssh = ["default"]\nnetwork = "host"', ("ssh", "network.host")),
        ('entitlements = ["device=vendor.com/x"]', ("device",)),
        ('entitlements = ["device=vendor.com/x"]', ("device=vendor.com/x",)),
        ('output = ["type=local,dest=out,mode=delete"]', ("buildx.local.delete",)),
    ],
)
def test_what_is_given_is_not_asked_for(definition: str, allowed: tuple[str, ...]) -> None:
    assert options(definition)
    assert options(definition, *allowed) == []


def test_a_right_is_not_more_than_it_says() -> None:
    definition = 'output = ["/usr/out"]\ncontexts = { x = "/usrother" }'
    assert options(definition, "fs.read=/usr") == ["--allow=fs.read=/", "--allow=fs.write=/usr"]


@pytest.mark.parametrize(
    ("definition", "setting"),
    [
        ("", "t.output=type=local,dest=/usr/out"),
        ("", "*.cache-to=type=local,dest=/usr/c"),
        ("", "*.cache-from=type=local,src=/usr/c"),
        ("", "t.ssh=k=/usr/key"),
        ("", "t.secrets=id=a,src=/etc/passwd"),
        ('secret = ["id=a,src=x"]', "t.secret.a=src=/etc/passwd"),
        ("", "t.entitlements=network.host"),
    ],
)
def test_what_the_command_line_says_is_given(definition: str, setting: str) -> None:
    assert options(definition, settings=(setting,)) == []


def test_contexts_of_the_command_line_are_asked_for() -> None:
    assert options("", settings=("t.context=..",)) == ["--allow=fs.read=.."]


def test_links_lead_where_they_lead(folder: Path) -> None:
    os.symlink("/usr", folder / "link")
    assert options('context = "link/lib"') == ["--allow=fs.read=/usr/lib"]
    assert options('output = ["link/lib/none/at/all"]') == ["--allow=fs.write=/usr/lib"]


def test_a_target_for_others_writes_nothing() -> None:
    assert options('contexts = { base = "target:other" }') == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nope", 'unknown entitlement key "nope"'),
        ("fs.exec=/x", 'unknown entitlement key "fs.exec"'),
        ("buildx.local.delete=1", "buildx.local.delete does not accept a value"),
    ],
)
def test_rights_that_nobody_knows(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_allowed([text])
    assert caught.value.message == message


def test_the_order_of_asking() -> None:
    asked = Entitlements()
    asked.switches |= {"ssh", "network.host", "security.insecure"}
    asked.reads, asked.writes = ["/a", "/b"], ["/b", "/c"]
    assert told(asked)[0] == [
        " - Running build containers that can access host network",
        " - Running privileged containers that can make system changes",
        " - Forwarding default SSH agent socket",
        " - Read and write access to path /b",
        " - Read access to path /a",
        " - Write access to path /c",
    ]
