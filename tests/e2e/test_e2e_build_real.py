"""A Dockerfile as people write them: packages by apt, pip and npm, through the engine's network."""

import json
import re
from pathlib import Path

import pytest

from tests.support.daemons import Daemon, DaemonOptions
from tests.support.images import debian_archive

DAEMON = DaemonOptions(uplink=True)
pytestmark = pytest.mark.root

BUILD_S = 800
MODERN = {"DOCKER_BUILDKIT": "1"}
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")

DOCKERFILE = r"""# syntax=docker/dockerfile:1
FROM debian:bookworm AS base
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<EOF
set -e
apt-get -oAcquire::Retries=5 update
apt-get -oAcquire::Retries=5 install -y --no-install-recommends ca-certificates nodejs python3 python3-pip
EOF

FROM base AS python
WORKDIR /app
COPY requirements.txt .
RUN --mount=type=secret,id=ca,target=/run/ca.crt --mount=type=cache,target=/root/.cache/pip \
    PIP_CERT=/run/ca.crt pip install --break-system-packages --target=lib -r requirements.txt

FROM base AS node
ADD https://registry.npmjs.org/npm/-/npm-9.9.4.tgz /npm.tgz
RUN tar -xzf /npm.tgz -C /
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=ca,target=/run/ca.crt \
    NODE_EXTRA_CA_CERTS=/run/ca.crt node /package/bin/npm-cli.js ci

FROM base
RUN useradd --create-home app
COPY --from=python --chown=app /app/lib /app/lib
COPY --from=node --chown=app /app/node_modules /app/node_modules
USER app
ENV PYTHONPATH=/app/lib
WORKDIR /app
CMD id -un; python3 -c 'import click; print(click.__name__)'; node -p "require('ms')('2 days')"
"""
MS = "sha512-6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA=="
LOCK = {
    "name": "app",
    "version": "1.0.0",
    "lockfileVersion": 3,
    "packages": {
        "": {"name": "app", "version": "1.0.0", "dependencies": {"ms": "2.1.3"}},
        "node_modules/ms": {
            "version": "2.1.3",
            "integrity": MS,
        },
    },
}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "requirements.txt").write_text("click==8.1.7\n")
    package = {"name": "app", "version": "1.0.0", "dependencies": {"ms": "2.1.3"}}
    (tmp_path / "package.json").write_text(json.dumps(package))
    (tmp_path / "package-lock.json").write_text(json.dumps(LOCK))
    return tmp_path


@pytest.mark.skipif(not AUTHORITIES.exists(), reason="no certificates of authorities on this machine")
@pytest.mark.timeout(2 * BUILD_S)
def test_packages_come_from_debian_pypi_and_npm(scow_daemon: Daemon, context: Path) -> None:
    if "Debian" not in scow_daemon.namespace.run("apt-get", "indextargets", timeout_s=120).stdout:
        pytest.skip("apt has no Debian mirror here")
    scow_daemon.docker("load", "-i", str(debian_archive()))
    args = ("build", "-t", "app", "--secret", f"id=ca,src={AUTHORITIES}", str(context))
    if scow_daemon.scow(*args, timeout_s=BUILD_S, env=MODERN, code=None).code:
        # Three places on the net are asked, and any of them may be away for a moment.
        scow_daemon.scow(*args, timeout_s=BUILD_S, env=MODERN)
    assert scow_daemon.docker("run", "--rm", "app").out == "app\nclick\n172800000\n"
    again = scow_daemon.scow(*args, env=MODERN)
    assert len(re.findall(r"^#\d+ CACHED$", again.err, re.M)) == 13
