from typing import Any

from scow.linux.capabilities import CAPABILITIES
from scow.runtime.process import (
    ExecRequest,
    console_size,
    container_environment,
    exec_environment,
    oci_capabilities,
    override_environment,
    process_for_exec,
)
from scow.runtime.users import ResolvedUser
from scow.spec.oci_runtime import Process, Rlimit

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def container_process() -> Process:
    return Process(
        terminal=True,
        user={"uid": 5, "gid": 6, "additionalGids": [6]},
        args=["sleep"],
        env=["A=1"],
        cwd="/srv",
        capabilities=oci_capabilities(["CAP_KILL"]),
        noNewPrivileges=True,
        apparmorProfile="docker-default",
        selinuxLabel="label",
        oomScoreAdj=5,
        rlimits=[Rlimit(type="RLIMIT_CORE", soft=0, hard=0)],
    )


def exec_process(**request: Any) -> Process:
    request = {"args": ["id"], "env": ["B=2"]} | request
    return process_for_exec(container_process(), ExecRequest(**request), frozenset(CAPABILITIES))


def test_the_environment_is_in_dockers_order() -> None:
    assert container_environment(["FOO=bar"], "web", tty=True, links=["DB_NAME=/web/db"]) == [
        PATH,
        "HOSTNAME=web",
        "TERM=xterm",
        "DB_NAME=/web/db",
        "FOO=bar",
    ]


def test_a_variable_replaces_the_default_in_its_place() -> None:
    assert container_environment(["PATH=/bin", "TERM=dumb"], "web", tty=False) == [
        "PATH=/bin",
        "HOSTNAME=web",
        "TERM=dumb",
    ]


def test_a_name_without_value_takes_a_variable_away() -> None:
    assert override_environment(["A=1", "B=2"], ["A", "C", "D=", "B=x=y"]) == ["B=x=y", "D="]


def test_an_exec_has_the_containers_variables_under_its_own() -> None:
    assert exec_environment(["A=1"], "web", tty=True, own=["A=2", "Z=9"]) == [
        PATH,
        "HOSTNAME=web",
        "TERM=xterm",
        "A=2",
        "Z=9",
    ]


def test_an_exec_keeps_the_containers_confinement() -> None:
    process, container = exec_process(), container_process()
    own = {"terminal", "args", "env", "cwd"}
    assert {k: v for k, v in process.items() if k not in own} == {
        k: v for k, v in container.items() if k not in own
    }


def test_an_exec_has_its_own_program_place_user_and_terminal() -> None:
    process = exec_process(cwd="/tmp", user=ResolvedUser(7, 8, (8, 9)), tty=True, console_size=[24, 80])
    assert process["args"] == ["id"]
    assert process["env"] == ["B=2"]
    assert process["cwd"] == "/tmp"
    assert process["user"] == {"uid": 7, "gid": 8, "additionalGids": [8, 9]}
    assert process.get("consoleSize") == {"height": 24, "width": 80}
    assert exec_process(cwd="")["cwd"] == "/"
    assert exec_process()["terminal"] is False


def test_a_privileged_exec_has_all_capabilities() -> None:
    assert exec_process(privileged=True)["capabilities"]["effective"] == list(CAPABILITIES)


def test_a_console_without_size_says_nothing() -> None:
    assert console_size([0, 0]) is None
    assert console_size([]) is None
