"""Modules of other people, loaded with no more than is needed."""

import subprocess
import sys

from scow.lean_imports import LATE


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_late_module_is_executed_when_a_name_of_it_is_wanted() -> None:
    code = """
import scow.lean_imports, sys
import inspect
import inspect as again
assert "ast" not in sys.modules
assert again.isfunction(run := lambda: None)
assert type(sys.modules["inspect"]) is type(sys)
assert "ast" in sys.modules
from textwrap import dedent
assert dedent("  x") == "x"
"""
    assert run(code) == ""


def test_a_name_that_a_late_module_does_not_have_is_missed_as_ever() -> None:
    code = """
import scow.lean_imports, textwrap
try:
    textwrap.nothing
except AttributeError as exc:
    print(exc)
"""
    assert run(code) == "module 'textwrap' has no attribute 'nothing'\n"


def test_all_of_them_are_late_in_an_engine_and_work_there() -> None:
    code = f"""
import scow.daemon, importlib, sys
late = {LATE!r}
print(*[name for name in late if type(sys.modules[name]) is type(sys)])
import asyncio, msgspec, traceback, shutil, subprocess
assert msgspec.msgpack.decode(msgspec.msgpack.encode([1])) == [1]
assert msgspec.inspect.type_info(int)
from asyncio import sslproto
assert sslproto.SSLProtocol
assert shutil._BZ2_SUPPORTED and shutil._LZMA_SUPPORTED
for name in late:
    vars(importlib.import_module(name))["__name__"]
try:
    1 / 0
except ZeroDivisionError:
    print(traceback.format_exc().count("ZeroDivisionError"))
"""
    # dataclasses asks inspect for annotations there, and -c gives its source to linecache.
    sooner = "inspect linecache" if sys.version_info >= (3, 13) else ""
    assert run(code) == f"{sooner}\n1\n"
