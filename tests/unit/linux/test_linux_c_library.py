"""Calls of the C library without ctypes."""

import errno
import os
import subprocess
import sys

import pytest

from scow.linux.c_library import Long, LongLong, call, check, pointer_to


def test_numbers_texts_and_buffers_go_in_and_come_out() -> None:
    assert call("getpid") == os.getpid()
    assert call("strlen", b"seven..") == 7
    buffer = bytearray(b"abcdef")
    call("memset", pointer_to(buffer), ord("x"), Long(3))
    assert buffer == b"xxxdef"


def test_an_offset_of_64_bits_is_passed_whole() -> None:
    fd = os.memfd_create("offsets")
    try:
        check(call("posix_fallocate64", fd, LongLong(1 << 33), LongLong(1)), "posix_fallocate64")
        assert os.fstat(fd).st_size == (1 << 33) + 1
    finally:
        os.close(fd)


def test_a_failure_has_its_number_the_call_and_the_paths() -> None:
    with pytest.raises(FileNotFoundError, match="rename: No such file") as raised:
        check(call("rename", b"/no/such", b"/no/other"), "rename", "/no/such", "/no/other")
    error = raised.value
    assert (error.errno, error.filename, error.filename2) == (errno.ENOENT, "/no/such", "/no/other")


def test_a_function_that_is_not_there_is_told() -> None:
    with pytest.raises(OSError, match="no_such_function"):
        call("no_such_function")


def test_it_does_without_ctypes() -> None:
    code = "import scow.linux.syscalls, sys; sys.exit('ctypes' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
