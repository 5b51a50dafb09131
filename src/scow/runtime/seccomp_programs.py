"""Compiled seccomp filters, kept so that crun need not compile the same profile for every container.

Compiling Docker's default profile takes libseccomp 11 ms, more than all else in a start. crun leaves the
program beside its state (``seccomp.bpf``) and takes one back by an annotation; its own cache is not in
builds without libgcrypt, as Debian's. The profile stays in the document: a crun that does not know the
annotation compiles it, and its flags count in any case.
"""

import base64
import hashlib
import json
from pathlib import Path

from scow.spec.oci_runtime import Document

ANNOTATION = "run.oci.seccomp_bpf_data"
_PROGRAM_FILE = "seccomp.bpf"
# BPF_MAXINSNS instructions of 8 bytes (linux/bpf_common.h).
_MAX_PROGRAM_BYTES = 4096 * 8
# One for the default, one for each set of added capabilities and each custom profile in use.
_MAX_PROGRAMS = 16


class SeccompPrograms:
    """The programs seen in this life of the engine, by profile."""

    def __init__(self) -> None:
        self._programs: dict[bytes, str] = {}
        self._wanted: dict[str, bytes] = {}  # container that is about to be started → its profile

    def put_into(self, document: Document, container_id: str) -> None:
        """Annotate an OCI document with the program of its profile, or note that ``learn`` may find it."""
        profile = document["linux"].get("seccomp")
        annotations = document.get("annotations") or {}
        if not profile or "listenerPath" in profile or ANNOTATION in annotations:
            return
        key = hashlib.sha256(json.dumps(profile).encode()).digest()
        if program := self._programs.get(key):
            document["annotations"] = {**annotations, ANNOTATION: program}
        else:
            self._wanted[container_id] = key

    def learn(self, container_id: str, state: Path) -> None:
        """Keep what the runtime has compiled for a container that it has just started; never raises."""
        key = self._wanted.pop(container_id, None)
        if key is None:
            return
        try:
            with open(state / _PROGRAM_FILE, "rb") as file:
                program = file.read(_MAX_PROGRAM_BYTES + 1)
        except OSError:
            return
        if 0 < len(program) <= _MAX_PROGRAM_BYTES and len(program) % 8 == 0:
            while len(self._programs) >= _MAX_PROGRAMS:
                del self._programs[next(iter(self._programs))]
            self._programs[key] = base64.b64encode(program).decode()

    def forget(self, container_id: str) -> None:
        """The start failed."""
        self._wanted.pop(container_id, None)
