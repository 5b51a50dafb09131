"""A real sshd on a port of its own, with keys of its own, in the engine's network.

Debian's package is unpacked in the cache and not installed: that would open the machine to the world.
"""

import functools
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from tests.support.client_packages import installed, run
from tests.support.debian_packages import unpack_downloaded
from tests.support.environment import cache_dir, clean_environment
from tests.support.namespaces import NetworkNamespace
from tests.support.waiting import wait_until

_LIBRARY_PACKAGES = ("libwrap0", "libwtmpdb0")
"""What it needs and not every machine has; the second since Debian 13."""
_LIBRARIES = f"usr/lib/{os.uname().machine}-linux-gnu"


@functools.cache
def _unpacked() -> Path:
    folder = cache_dir() / "sshd"
    installed(folder, lambda: _unpack(folder))
    return folder / "root"


def _unpack(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    needed = subprocess.run(["apt-cache", "depends", "openssh-server"], capture_output=True, text=True).stdout
    libraries = (name for name in _LIBRARY_PACKAGES if f"Depends: {name}\n" in needed)
    apt = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", "openssh-server")
    run(*apt, *libraries, cwd=folder)
    unpack_downloaded(folder)


def _parts(root: Path) -> Iterator[str]:
    """Settings for the programs of a newer sshd, which it looks for where its package puts them."""
    for setting, name in (("SshdSessionPath", "sshd-session"), ("SshdAuthPath", "sshd-auth")):
        program = root / "usr/lib/openssh" / name
        if program.exists():
            yield f"{setting} {program}\n"


@contextmanager
def ssh_server(
    folder: Path,
    namespace: NetworkNamespace,
    port: int,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Path]:
    """Let in as root who has the key whose path is yielded; ``environment`` is for what is run there."""
    for name in ("host_key", "client_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    config, log = folder / "sshd_config", folder / "sshd.log"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nUsePAM no\nStrictModes no\n"
        "PasswordAuthentication no\n"
        f"AuthorizedKeysFile {folder}/client_key.pub\nPidFile none\nPermitRootLogin prohibit-password\n"
    )
    # sshd confines the half of it that has no rights yet to a folder and a user that its package makes.
    passwd = folder / "passwd"
    passwd.write_text(Path("/etc/passwd").read_text() + "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n")
    prepare = f"mount --bind {passwd} /etc/passwd; mount -t tmpfs none /run; mkdir -m 755 /run/sshd"
    root = _unpacked()
    with config.open("a") as more:
        more.writelines(_parts(root))
        if environment:
            more.write(f"SetEnv {' '.join(f'{name}={value}' for name, value in environment.items())}\n")
    serve = f"LD_LIBRARY_PATH={root / _LIBRARIES} exec {root}/usr/sbin/sshd -D -e -f {config}"
    with log.open("wb") as output:
        server = subprocess.Popen(
            namespace.command("unshare", "-m", "sh", "-ec", f"{prepare}; {serve}"),
            env=clean_environment(folder), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        wait_until(lambda: "listening" in log.read_text(), "sshd")
        yield folder / "client_key"
    finally:
        server.terminate()
        server.wait()
