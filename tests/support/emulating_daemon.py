"""A scowd that may register interpreters: with Debian's package, and mounts that nobody else sees."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.daemons import Daemon, ScowDaemon, running
from tests.support.foreign_programs import one_at_a_time, qemu_package
from tests.support.images import busybox_layer

PLACE = "/proc/sys/fs/binfmt_misc"
CONFS = "usr/lib/binfmt.d"
_INSTALLER = f"""#!/bin/sh
# As tonistiigi/binfmt: mount, register, tell, unmount.
set -e
[ -e {PLACE}/status ] || {{ mount -t binfmt_misc binfmt_misc {PLACE}; trap "umount {PLACE}" EXIT; }}
[ "$*" = "--install all" ]
for conf in /{CONFS}/*.conf; do
    cat $conf >{PLACE}/register
    echo "installing: $(basename $conf .conf) OK" >&2
done
ls {PLACE}
"""


class EmulatingDaemon(ScowDaemon):
    """In a mount namespace of its own, where the package lies over /usr and binfmt_misc is not mounted."""

    def argv(self) -> list[str]:
        prepare = (
            f"mount -t overlay -o lowerdir={qemu_package()}/usr:/usr overlay /usr; "
            f"while mountpoint -q {PLACE}; do umount {PLACE}; done"
        )
        serve = shlex.join(super().argv())
        return ["unshare", "--mount", "sh", "-ec", f'{prepare}; exec {serve} "$@"', "sh"]


@contextmanager
def emulating() -> Iterator[Daemon]:
    """The only one on this computer; what it registers goes with it."""
    if any(Path(PLACE).glob("qemu-*")):
        pytest.skip("this machine has interpreters of its own, which a test would take away")
    with one_at_a_time(), running(EmulatingDaemon) as daemon:
        yield daemon


def installer_image(name: str) -> bytes:
    """An archive of an image that stands in for tonistiigi/binfmt."""
    package = qemu_package()
    layer = Layer()
    for folder in ("usr/lib", CONFS, "usr/libexec", "usr/libexec/qemu-binfmt"):
        layer.folder(folder)
    for conf in sorted((package / CONFS).iterdir()):
        layer.file(f"{CONFS}/{conf.name}", conf.read_bytes())
    for program in sorted((package / "usr/bin").iterdir()):
        layer.file(f"usr/bin/{program.name}", program.read_bytes(), mode=0o755)
    for link in sorted((package / "usr/libexec/qemu-binfmt").iterdir()):
        layer.symlink(f"usr/libexec/qemu-binfmt/{link.name}", str(link.readlink()))
    layer.file("usr/bin/binfmt", _INSTALLER, mode=0o755)
    image = ArchiveImage([busybox_layer(), layer.data()], [name], {"Entrypoint": ["/usr/bin/binfmt"]})
    return docker_archive([image])
