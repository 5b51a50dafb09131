"""Terminals."""

import os

import pytest

from scow.linux import pty


def test_both_ends_see_a_new_size() -> None:
    ours, theirs = os.openpty()
    try:
        pty.set_window_size(ours, 50, 132)
        assert pty.window_size(theirs) == (50, 132)
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_pipe_has_no_size() -> None:
    reader, writer = os.pipe()
    try:
        with pytest.raises(OSError, match="Inappropriate ioctl"):
            pty.set_window_size(reader, 1, 1)
    finally:
        os.close(reader)
        os.close(writer)


def test_numbers_beyond_16_bits_are_cut_off() -> None:
    ours, theirs = os.openpty()
    try:
        pty.set_window_size(ours, 2**16 + 3, 2**32 - 1)
        assert pty.window_size(theirs) == (3, 2**16 - 1)
    finally:
        os.close(ours)
        os.close(theirs)
