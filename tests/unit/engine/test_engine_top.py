"""The table of ps."""

import pytest

from scow.engine.containers.top import parse_ps
from scow.errors import InvalidArgumentError

PS = """\
UID          PID    PPID  C STIME TTY          TIME CMD
root           1       0  0 10:00 ?        00:00:01 /sbin/init
root          42       1  0 10:01 ?        00:00:00 sleep 60  x
"""


def test_only_the_containers_rows_are_kept_and_the_command_stays_whole() -> None:
    top = parse_ps(PS, {42})
    assert top.titles == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert [row[-1] for row in top.processes] == ["sleep 60  x"]


def test_output_without_pids_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="Couldn't find PID field in ps output"):
        parse_ps("CMD\nx\n", {1})


def test_threads_follow_their_process() -> None:
    text = "PID TID CMD\n1 - init\n- 1 -\n42 - sleep 60\n- 42 -\n- 43 -\n"
    assert parse_ps(text, {42}).processes == [["42", "-", "sleep 60"], ["-", "42", "-"], ["-", "43", "-"]]
