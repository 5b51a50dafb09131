"""crun's messages (recorded from 1.8.1, read in 1.2x's source) beside runc 1.1's for the same failure."""

import pytest

from scow.runtime.crun_messages import in_runc_words
from scow.runtime.start_failure import NOT_EXECUTABLE, NOT_FOUND, explain_exec_failure, explain_start_failure

PAIRS = [
    (
        "executable file `nosuch` not found in $PATH: No such file or directory",
        "nosuch",
        'exec: "nosuch": executable file not found in $PATH',
    ),
    (
        "executable file `/nosuch` not found in $PATH: No such file or directory",
        "/nosuch",
        'exec: "/nosuch": stat /nosuch: no such file or directory',
    ),
    (
        "executable file `./nosuch` not found: No such file or directory",
        "./nosuch",
        'exec: "./nosuch": stat ./nosuch: no such file or directory',
    ),
    ("open executable: Permission denied", "/etc/passwd", 'exec: "/etc/passwd": permission denied'),
    ("open executable: Operation not permitted", "/etc", 'exec: "/etc": permission denied'),
    ("open executable: Operation not permitted", "", 'exec: "": executable file not found in $PATH'),
    (
        "the path `/etc` is not a regular file: Operation not permitted",
        "/etc",
        'exec: "/etc": permission denied',
    ),
    (
        "chdir `/nosuch`: No such file or directory",
        "true",
        'chdir to cwd ("/nosuch") set in config.json failed: no such file or directory',
    ),
    (
        "mount `/a` to `etc/passwd`: Not a directory",
        "true",
        'error during container init: error mounting "/a" to rootfs at "/etc/passwd": mount /a:/etc/passwd: '
        "not a directory",
    ),
    (
        "open /proc/sys/net/ipv4/nosuch: No such file or directory",
        "true",
        "error during container init: open /proc/sys/net/ipv4/nosuch: no such file or directory",
    ),
    (
        "write to /proc/sys/kernel/shmmax: Invalid argument",
        "true",
        "error during container init: write /proc/sys/kernel/shmmax: invalid argument",
    ),
]


@pytest.mark.parametrize(("crun", "command", "runc"), PAIRS)
def test_crun_speaks_as_runc_does(crun: str, command: str, runc: str) -> None:
    assert in_runc_words(crun, command) == f"unable to start container process: {runc}"


@pytest.mark.parametrize(
    "message",
    [
        'runc run failed: unable to start container process: exec: "x": executable file not found in $PATH',
        "exec failed: unable to start container process: open /x: No such file or directory",
        "kata: no hypervisor",
        "",
    ],
)
def test_other_messages_stay(message: str) -> None:
    assert in_runc_words(message, "x") == message


def test_the_codes_are_those_of_runc() -> None:
    missing, refused = PAIRS[0], PAIRS[3]
    text, code = explain_start_failure(missing[0], missing[1])
    assert text == (
        "failed to create task for container: failed to create shim task: OCI runtime create failed: "
        f"runc create failed: unable to start container process: {missing[2]}: unknown"
    )
    assert code == NOT_FOUND
    assert explain_start_failure(refused[0], refused[1])[1] == NOT_EXECUTABLE
    assert explain_exec_failure(missing[0], missing[1])[0] == (
        f"OCI runtime exec failed: exec failed: unable to start container process: {missing[2]}: unknown"
    )
