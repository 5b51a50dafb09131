"""A pipeline's jobs as a script runs them: build, artifact, load elsewhere, test, push, deploy, roll back."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.daemons import Daemon
from tests.support.registry import registry

pytestmark = pytest.mark.needs("docker-registry")

_APP = "127.0.0.1:5000/team/app"
# Each job is one script, as in .gitlab-ci.yml.
_BUILD = """
set -e
docker build -q -t $APP:$VERSION --build-arg VERSION=$VERSION "$SOURCE" >/dev/null
docker save $APP:$VERSION | gzip >"$ARTIFACT"
"""
_TEST = """
set -e
gunzip -c "$ARTIFACT" | docker load
docker run --rm $APP:$VERSION sh -c 'test "$(cat /version)" = "$VERSION"'
"""
_RELEASE = r"""
set -e
docker push -q $APP:$VERSION
if [[ $VERSION =~ ^v[0-9]+\.[0-9]+\.[0-9]+$ ]]; then
    docker tag $APP:$VERSION $APP:latest
    docker push -q $APP:latest
fi
"""
_DEPLOY = """
set -e
docker pull -q $APP:$VERSION >/dev/null
docker rm -f app >/dev/null 2>&1 || true
docker run -d --name app --network none $APP:$VERSION >/dev/null
for attempt in 1 2 3 4 5; do
    docker exec app test -e /healthy && exit 0
done
echo "$VERSION is not healthy, back to $BEFORE"
docker rm -f app >/dev/null
docker run -d --name app --network none $APP:$BEFORE >/dev/null
"""


def job(engine: Daemon, script: str, **variables: str) -> str:
    """Run it as a runner does, against ``engine``."""
    client = engine.client("docker")
    done = subprocess.run(
        ["bash", "-c", script],
        env=client.env | {"APP": _APP, "DOCKER_HOST": engine.host} | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_from_the_source_to_the_host_and_back(
    scow_daemon: Daemon, start_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    builder, host = start_daemon(), scow_daemon
    (tmp_path / "Dockerfile").write_text(
        "FROM busybox\nARG VERSION\nENV VERSION=$VERSION\nRUN echo $VERSION >/version\n"
        'RUN case $VERSION in *broken*) ;; *) touch /healthy ;; esac\nCMD ["sleep", "600"]\n'
    )
    artifact = str(tmp_path / "image.tar.gz")
    ids = {}
    with registry(tmp_path / "registry", host.namespace):
        for version in ("v1.0.0", "v1.1.0-broken", "v1.2.0"):
            job(builder, _BUILD, VERSION=version, SOURCE=str(tmp_path), ARTIFACT=artifact)
            assert f"Loaded image: {_APP}:{version}" in job(host, _TEST, VERSION=version, ARTIFACT=artifact)
            ids[version] = host.docker("inspect", "-f", "{{.Id}}", f"{_APP}:{version}").out.strip()
            # The artifact is the very image that was built.
            assert ids[version] == builder.docker("inspect", "-f", "{{.Id}}", f"{_APP}:{version}").out.strip()
            job(host, _RELEASE, VERSION=version)
            host.docker("rmi", "-f", ids[version])

        def running() -> str:
            return str(host.docker("exec", "app", "cat", "/version").out.strip())

        job(host, _DEPLOY, VERSION="v1.0.0", BEFORE="v1.0.0")
        assert running() == "v1.0.0"
        said = job(host, _DEPLOY, VERSION="v1.1.0-broken", BEFORE="v1.0.0")
        assert said == "v1.1.0-broken is not healthy, back to v1.0.0\n"
        assert running() == "v1.0.0"
        job(host, _DEPLOY, VERSION="v1.2.0", BEFORE="v1.0.0")
        assert running() == "v1.2.0"
        # Only whole versions move the tag; an older one comes back by its name.
        host.docker("pull", f"{_APP}:latest")
        assert host.docker("inspect", "-f", "{{.Id}}", f"{_APP}:latest").out.strip() == ids["v1.2.0"]
        job(host, _DEPLOY, VERSION="v1.0.0", BEFORE="v1.2.0")
        assert running() == "v1.0.0"
        host.docker("rm", "-f", "app")
