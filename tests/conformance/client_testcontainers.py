"""testcontainers: containers that a test waits for, looks into and throws away."""

import urllib.request
from pathlib import Path

import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import (
    ExecWaitStrategy,
    HealthcheckWaitStrategy,
    HttpWaitStrategy,
    LogMessageWaitStrategy,
    PortWaitStrategy,
)

WEB = "mkdir /www; echo hello > /www/index.html; echo listening >&2; exec httpd -f -p 80 -h /www"


def web() -> DockerContainer:
    return DockerContainer("busybox").with_command(["sh", "-c", WEB]).with_exposed_ports(80)


def test_http_on_a_published_port() -> None:
    with web().waiting_for(HttpWaitStrategy(80).for_status_code(200).with_startup_timeout(120)) as container:
        url = f"http://{container.get_container_host_ip()}:{container.get_exposed_port(80)}/"
        with urllib.request.urlopen(url, timeout=60) as answer:
            assert answer.read() == b"hello\n"


@pytest.mark.parametrize("strategy", [PortWaitStrategy(80), LogMessageWaitStrategy("listening")])
def test_other_ways_to_wait(strategy: object) -> None:
    with web().waiting_for(strategy) as container:
        out, err = container.get_logs()
        assert (out, err) == (b"", b"listening\n")


def test_wait_by_exec_and_by_health() -> None:
    command = ["sh", "-c", "sleep 0.3; touch /ready; sleep 100"]
    ready = DockerContainer("busybox").with_command(command)
    with ready.waiting_for(ExecWaitStrategy(["test", "-f", "/ready"])) as container:
        assert container.exec("ls /ready").exit_code == 0
    check = {"test": ["CMD", "test", "-f", "/ready"], "interval": 100_000_000, "retries": 50}
    checked = DockerContainer("busybox").with_command(command).with_kwargs(healthcheck=check)
    with checked.waiting_for(HealthcheckWaitStrategy()) as container:
        wrapped = container.get_wrapped_container()
        wrapped.reload()
        assert wrapped.attrs["State"]["Health"]["Status"] == "healthy"


def test_a_wait_gives_up() -> None:
    waiting = (
        DockerContainer("busybox")
        .with_command("sleep 100")
        .waiting_for(LogMessageWaitStrategy("never").with_startup_timeout(1))
    )
    with pytest.raises(TimeoutError), waiting:
        pass


def test_env_volumes_names_and_options(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("from outside\n")
    container = (
        DockerContainer("busybox")
        .with_command(["sh", "-c", "echo $WHO; cat /in/file; hostname; sleep 100"])
        .with_env("WHO", "me")
        .with_volume_mapping(str(tmp_path), "/in", "ro")
        .with_name("tc-named")
        .with_kwargs(hostname="inside", mem_limit="64m")
        .waiting_for(LogMessageWaitStrategy("inside"))
    )
    with container:
        assert container.get_logs()[0] == b"me\nfrom outside\ninside\n"
        wrapped = container.get_wrapped_container()
        assert (wrapped.name, wrapped.attrs["HostConfig"]["Memory"]) == ("tc-named", 64 << 20)
        assert wrapped.labels["org.testcontainers"] == "true"


def test_files_in_and_out(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("given")
    with DockerContainer("busybox").with_command("sleep 100") as container:
        container.copy_into_container(tmp_path / "given", "/tmp/taken")
        assert container.exec("cat /tmp/taken").output == b"given"
        container.copy_from_container("/tmp/taken", tmp_path / "back")
        assert (tmp_path / "back").read_text() == "given"
