"""Code that is unmapped, and runs again."""

import subprocess
import sys

_CODE = """
import re, sqlite3
from scow.linux.code_pages import let_go_of_code

def mapped_kib():
    # Of SQLite's code, which nothing runs meanwhile.
    found, counts = 0, False
    for line in open("/proc/self/smaps"):
        if re.match("[0-9a-f]+-", line):
            counts = " r-xp " in line and "sqlite" in line
        elif counts and line.startswith("Rss:"):
            found += int(line.split()[1])
    return found

connection = sqlite3.connect(":memory:")
before = mapped_kib()
let_go_of_code()
after = mapped_kib()
assert connection.execute("select 6 * 7").fetchone() == (42,)
print(before, after)
"""


def test_code_that_is_let_go_of_is_there_when_it_runs_again() -> None:
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert (before > 0, after) == (True, 0)
