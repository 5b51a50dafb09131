"""What pipelines do, as scripts: build, hand over as a file, test, push, deploy by ssh, roll back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemons import Daemon
from tests.support.pipelines import Pipeline
from tests.support.registry import registry
from tests.support.ssh_server import ssh_server

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.needs("docker", "docker-registry", "ssh")]

DOCKERFILE = """FROM busybox
ARG VERSION
ARG HEALTH=health
RUN mkdir /www && echo "version $VERSION" >/www/index.html && touch "/www/$HEALTH"
COPY tests.sh /tests.sh
CMD ["httpd", "-f", "-p", "80", "-h", "/www"]
"""
PROJECT = """
services:
  backend:
    image: ${REGISTRY}/app:${VERSION}
    init: true
    stop_grace_period: 1s
    ports: ["127.0.0.1:8480:80"]
"""


@pytest.fixture(params=["scow_daemon", "present_dockerd"])
def pipeline(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pipeline]:
    """On scowd, and on dockerd 26.1, which proves the scripts right."""
    engine: Daemon = request.getfixturevalue(request.param)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "tests.sh").write_text("grep -q version /www/index.html && echo passed\n")
    (tmp_path / "compose.yml").write_text(PROJECT)
    with registry(tmp_path / "registry", engine.namespace, passwords=True) as store:
        yield Pipeline(engine, tmp_path, store)
    engine.remove_containers()


def test_an_image_goes_from_stage_to_stage(pipeline: Pipeline, tmp_path: Path) -> None:
    image = "$REGISTRY/app:main"
    pipeline.job(
        f"docker build -q --build-arg VERSION=main -t {image} . && docker save {image} | gzip >app.tar.gz"
    )
    forget = "docker image rm -f $(docker image ls -q '*/app' | sort -u) >/dev/null"
    pipeline.job(forget)  # the next job runs on another machine
    tested = pipeline.job(
        "gunzip -c app.tar.gz | docker load -q && docker run --rm $REGISTRY/app:main sh /tests.sh"
    )
    assert tested.endswith("passed\n")
    push = """
        echo "$CI_PASSWORD" | docker login -u "$CI_USER" --password-stdin $REGISTRY
        docker push -q $REGISTRY/app:main
        if [[ "$CI_COMMIT_TAG" =~ ^v[0-9]+\\.[0-9]+\\.[0-9]+$ ]]; then
            docker tag $REGISTRY/app:main $REGISTRY/app:latest
            docker push -q $REGISTRY/app:latest
        fi
    """
    assert "latest" not in pipeline.job(push, CI_COMMIT_TAG="v1.2")
    assert pipeline.job(push, CI_COMMIT_TAG="v1.2.3").endswith("/app:latest\n")
    pipeline.job(forget)
    with ssh_server(tmp_path, pipeline.engine.namespace, 8423) as key:
        exports = " ".join(f"{name}='{value}'" for name, value in pipeline.env.items())
        deploy = "docker pull -q $REGISTRY/app:$VERSION && docker compose up -d"
        remote = f"cd {tmp_path} && export {exports} VERSION=latest && {deploy}"
        options = f"-i {key} -p 8423 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        pipeline.job(f'ssh {options} root@127.0.0.1 "$REMOTE"', REMOTE=remote)
    assert pipeline.job(ASK) == "version main\n"
    pipeline.job("docker compose down -t 0", VERSION="latest")


# Until the server is there.
ASK = "curl -fsS --retry 30 --retry-all-errors --retry-delay 1 http://127.0.0.1:8480/"
DEPLOY = """
docker compose pull -q
[ -z "$(docker compose ps -q)" ] || VERSION=$RUNNING docker compose config >backup.yml
docker compose up -d --no-deps backend
for attempt in $(seq 30); do
    if curl -fsS http://127.0.0.1:8480/health; then exit 0; fi
    sleep 0.3
done
docker compose -f backup.yml up -d
exit 1
"""


def test_a_broken_version_is_rolled_back(pipeline: Pipeline) -> None:
    pipeline.job('echo "$CI_PASSWORD" | docker login -u "$CI_USER" --password-stdin $REGISTRY')
    for version, health in (("1.0.0", "health"), ("1.1.0", "health"), ("2.0.0", "ill")):
        build = "docker build -q --build-arg VERSION --build-arg HEALTH -t $REGISTRY/app:$VERSION ."
        pipeline.job(f"{build} && docker push -q $REGISTRY/app:$VERSION", VERSION=version, HEALTH=health)
    pipeline.job(DEPLOY, VERSION="1.0.0", RUNNING="")
    pipeline.job(DEPLOY, VERSION="1.1.0", RUNNING="1.0.0")
    assert pipeline.job(ASK) == "version 1.1.0\n"
    pipeline.job(DEPLOY, code=1, VERSION="2.0.0", RUNNING="1.1.0")
    assert pipeline.job(ASK) == "version 1.1.0\n"
    # And by hand, to a version of one's choice.
    pipeline.job("docker compose pull -q && docker compose up -d", VERSION="1.0.0")
    assert pipeline.job(ASK) == "version 1.0.0\n"
    pipeline.job("docker compose down -t 0", VERSION="1.0.0")
