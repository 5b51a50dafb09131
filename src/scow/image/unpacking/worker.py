"""An unpacker: a process that confines itself, then unpacks one layer after another until scowd hangs up.

It gets the layer as a descriptor, and the directories to write to as roots of detached mounts, so whatever
a layer makes of it, it reaches these and nothing else.
"""

import _socket
import array
import os
import resource
import sys
import time

from scow.errors import ScowError
from scow.image.archive_region import RegionReader
from scow.image.decompress import load_codec
from scow.image.layer_stream import LayerInput, Unpacked, unpack_tar
from scow.image.layer_unpacker import AppliedWhiteouts, OverlayWhiteouts
from scow.image.recipe import load_compressor
from scow.image.unpacking.assistance import Assistance, assist
from scow.image.unpacking.job import (
    ALONE,
    ASSIST,
    ASSISTED,
    MAX_PACKET_BYTES,
    SOCKET_FD,
    Job,
    decode_job,
    encode_answer,
)
from scow.linux import syscalls
from scow.linux.confinement import confine
from scow.spec.bulk_digest import bulk_sha256

_PROGRESS_INTERVAL_S = 0.1
_SIGKILL = 9  # signal(7); the module makes enumerations of them all
# To be every owner, write everywhere in the tree, make device nodes, set file capabilities; and
# CAP_SYS_ADMIN for extended attributes called trusted.*, which is how overlayfs marks a deletion. What else
# that would allow needs system calls that are not in the list below.
_CAPABILITIES = frozenset(
    {
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_MKNOD",
        "CAP_SETFCAP",
        "CAP_SYS_ADMIN",
    }
)
_SYSTEM_CALLS = """
    brk chmod clock_gettime clock_nanosleep close copy_file_range dup dup3 exit exit_group fadvise64
    fallocate fchmod fchmodat fchown fchownat fcntl flistxattr fremovexattr fsetxattr fstat fstatfs
    ftruncate futex getdents64 getegid geteuid getgid getpid getrandom getrusage gettid gettimeofday getuid
    lgetxattr linkat listxattr lseek lsetxattr lstat madvise membarrier mkdir mkdirat mknodat mmap mprotect
    mremap munmap newfstatat openat openat2 poll ppoll pread64 pwrite64 read readlink readlinkat readv
    recvfrom recvmsg renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigprocmask
    rt_sigreturn sched_yield sendmsg sendto setxattr sigaltstack stat statx
    symlinkat sync_file_range sync_file_range2 umask unlink
    unlinkat utimensat write writev
"""
_MAX_FILES = 256


def main(codec: str) -> None:
    """The process; it reads layers that are not compressed, or by ``codec``."""
    connection = _socket.socket(fileno=SOCKET_FD)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, _SIGKILL)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MAX_FILES, _MAX_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0)
    load_codec(codec)
    load_compressor()
    bulk_sha256()
    connection.send(encode_answer(confine(_CAPABILITIES, _SYSTEM_CALLS.split())))
    while (received := _receive(connection))[0]:
        packet, descriptors = received
        try:
            answer = _done(connection, packet, descriptors)
        finally:
            for fd in descriptors:
                os.close(fd)
        if answer:
            connection.send(answer)


def _receive(connection: _socket.socket, flags: int = 0) -> tuple[bytes, list[int]]:
    """A packet and what came with it; b"" when scowd has hung up."""
    descriptors = array.array("i")
    try:
        packet, ancillary, _, _ = connection.recvmsg(MAX_PACKET_BYTES, _socket.CMSG_SPACE(3 * 4), flags)
    except ConnectionResetError:
        return b"", []  # it left without having read all that we said
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    return packet, list(descriptors)


def _done(connection: _socket.socket, packet: bytes, descriptors: list[int]) -> bytes:
    """Do what scowd asks for; the answer, if there is one."""
    if packet == ASSISTED:
        return b""  # the layer was done before the assistant came
    if packet == ASSIST:
        link, root = descriptors
        assist(_link(os.dup(link)), f"/proc/self/fd/{root}/.")
        return ASSISTED
    return encode_answer(_work(connection, decode_job(packet), *descriptors))


def _link(fd: int) -> _socket.socket:
    """All is said of it, as asking the kernel is not among the system calls."""
    return _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, fd)


def _work(connection: _socket.socket, job: Job, content: int, root: int, recipe: int) -> Unpacked | ScowError:
    source = _ToldReader(RegionReader(content, job.offset, job.size), connection)
    overlay = OverlayWhiteouts(job.opaque_xattr)
    assistance = Assistance(lambda: _tell(connection, ALONE), lambda: _assistant(connection))
    try:
        return unpack_tar(
            # Only what is imported has no id yet.
            LayerInput(source, job.digest or None, distinct=not job.diff_id),
            f"/proc/self/fd/{root}/.",
            overlay if job.opaque_xattr else AppliedWhiteouts(),
            f"/proc/self/fd/{recipe}/.",
            job.diff_id or None,
            may_make_devices=job.may_make_devices,
            assistant=assistance if job.opaque_xattr else None,
        )
    except ScowError as exc:
        return exc
    except (MemoryError, RecursionError) as exc:
        return ScowError(f"failed to register layer: {type(exc).__name__}")
    finally:
        assistance.close()


def _assistant(connection: _socket.socket) -> _socket.socket | None:
    """The link to an assistant, if scowd has sent it."""
    try:
        _, descriptors = _receive(connection, _socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    if not descriptors:
        sys.exit(1)  # it has hung up
    return _link(descriptors[0])


def _tell(connection: _socket.socket, packet: bytes) -> None:
    """Ends the process when nobody listens any more."""
    try:
        connection.send(packet)
    except OSError:
        sys.exit(1)


class _ToldReader:
    """A reader that tells now and then how far it is."""

    def __init__(self, inner: RegionReader, connection: _socket.socket) -> None:
        self._inner = inner
        self._connection = connection
        self._told = time.monotonic()

    def read(self, size: int, /) -> bytes:
        """Ends the process when nobody listens any more."""
        now = time.monotonic()
        if now - self._told > _PROGRESS_INTERVAL_S:
            self._told = now
            _tell(self._connection, encode_answer(self._inner.position))
        return self._inner.read(size)
