"""Fixtures of every test: isolation from the person's home, engines, clients, and the search for leaks.

A module in tests/e2e gets one engine of each kind for all its tests, started when first wanted.
``client`` runs a test once for each command line on scowd, and, where the test is marked ``reference``, once
more with the docker command line on dockerd, which proves that the test itself is right: on dockerd 20.10, or
with ``reference("present")`` on 26.1.
"""

import os
import shutil
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support import docker_cli, leaks
from tests.support.client_packages import NotInstalledError
from tests.support.clients import Client
from tests.support.daemons import (
    Daemon,
    DaemonOptions,
    PresentReferenceDaemon,
    ReferenceDaemon,
    ScowDaemon,
    running,
)
from tests.support.docker_cli import docker_cli_lacks
from tests.support.environment import RUNTIME_VARIABLE, reference_lacks, root_lacks, run_id
from tests.support.fault_daemon import FaultDaemon
from tests.support.namespaces import NetworkNamespace, neighbour_of
from tests.support.present_docker import present_docker

_HERE = Path(__file__).parent
_LEFTOVERS = 8
"""The exit status of a run that left something on the machine, whatever became of its tests."""
# id of the parameter: (command line, engine)
_CLIENTS = {
    "docker": ("docker", "scow_daemon"),
    "scow": ("scow", "scow_daemon"),
    "dockerd": ("docker", "dockerd"),
    "dockerd26": ("docker", "present_dockerd"),
}


def pytest_configure(config: pytest.Config) -> None:
    # How long an example takes says more about the machine's other work than about the code.
    settings.register_profile("scow", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("scow")
    # A run that is told to end takes its daemons, mounts and namespaces down as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # One that was started in the background ignores Ctrl-C, and so would everything that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Under nohup the programs of the tests would inherit that it is ignored, which docker's clients heed.
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    if runtime := config.getoption("--runtime"):
        os.environ[RUNTIME_VARIABLE] = runtime  # workers inherit it
    docker_cli.find()  # before modules ask for it
    run_id()  # before workers start, so that they inherit it
    leaks.begin()
    config.addinivalue_line("markers", "not_on_dockerd(reason): in a module marked reference, not this test")
    config.addinivalue_line(
        "markers", "needs(*things): programs, or paths that begin with /, that must be there"
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--client", action="append", choices=list(_CLIENTS), help="only these clients of the e2e tests"
    )
    parser.addoption("--fuzz-seconds", type=float, default=12.0, help="how long the API is fuzzed")
    parser.addoption("--fuzz-seed", type=int, default=1, help="which requests it is fuzzed with")
    parser.addoption("--runtime", help="the engine's default OCI runtime in the e2e tests: runc, crun")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "client" not in metafunc.fixturenames:
        return
    wanted = metafunc.config.getoption("--client") or list(_CLIENTS)
    marked = metafunc.definition.get_closest_marker
    reference = marked("reference")
    kept = {"docker", "scow"}
    if reference and not marked("not_on_dockerd"):
        kept.add("dockerd26" if "present" in reference.args else "dockerd")
    wanted = [name for name in wanted if name in kept]
    metafunc.parametrize("client", wanted, indirect=True, scope="module")


def _missing(things: tuple[str, ...]) -> str:
    for thing in things:
        if not (os.path.exists(thing) if thing.startswith("/") else shutil.which(thing)):
            return f"{thing} is not on this machine"
    return ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE / "e2e") or item.path.is_relative_to(_HERE / "root"):
            item.add_marker(pytest.mark.root)
        if item.get_closest_marker("root") and (reason := root_lacks()):
            item.add_marker(pytest.mark.skip(reason=reason))
        for marker in item.iter_markers("needs"):
            if reason := _missing(marker.args):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In the one process that outlives all workers: fail the run if it left something on the machine."""
    if hasattr(session.config, "workerinput"):
        return
    if left := leaks.find():
        print("\nleft behind by this test run:", *left, sep="\n  ")
        session.exitstatus = _LEFTOVERS


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of the engine's log with a test that failed."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            daemon = value.daemon if isinstance(value, Client) else value
            if isinstance(daemon, Daemon):
                report.sections.append((f"log of {daemon.kind}", daemon.log_tail()))
    return report


@pytest.fixture(scope="session", autouse=True)
def _isolated_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the person's home, credentials or contexts."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("DOCKER_", "BUILDX_", "XDG_"))]:
            patch.delenv(name)
        for name in ("SCOW_HOST", "SCOW_CONTEXT"):
            patch.delenv(name, raising=False)
        patch.setenv("HOME", str(home))
        patch.setenv("DOCKER_CONFIG", str(home / ".docker"))
        yield


def _options(request: pytest.FixtureRequest) -> DaemonOptions:
    options = getattr(request.module, "DAEMON", DaemonOptions())
    assert isinstance(options, DaemonOptions)
    return options


@pytest.fixture(scope="module")
def scow_daemon(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """The module's scowd, with busybox loaded."""
    with running(ScowDaemon, _options(request)) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def dockerd(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """The module's dockerd, the reference; skips where it is not installed."""
    if reason := reference_lacks():
        pytest.skip(reason)
    with running(ReferenceDaemon, _options(request)) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def present_dockerd(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """The module's dockerd 26.1, the reference for what 20.10 has not; skips where it cannot be had."""
    try:
        present_docker()
    except NotInstalledError as exc:
        pytest.skip(str(exc))
    with running(PresentReferenceDaemon, _options(request)) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def client(request: pytest.FixtureRequest) -> Client:
    """A command line on an engine; see the module's docstring for the combinations."""
    command, engine = _CLIENTS[request.param]
    if command == "docker" and (reason := docker_cli_lacks()):
        pytest.skip(reason)
    daemon: Daemon = request.getfixturevalue(engine)
    return daemon.client(command)


@pytest.fixture(scope="module")
def fault_daemon(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """A scowd that can be told to die; its kind is the module's ``FAULT_DAEMON``."""
    with running(getattr(request.module, "FAULT_DAEMON", FaultDaemon)) as daemon:
        yield daemon


@pytest.fixture(params=["scow_daemon", "dockerd"])
def engine(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """scowd, and dockerd to prove the test right, for tests that are about the engine alone.

    Modules that kill scowd at its steps ask for ``fault_daemon`` instead.
    """
    daemon: Daemon = request.getfixturevalue(request.param)
    yield daemon
    if not daemon.running:
        daemon.start()
    daemon.client("docker").end_processes()
    daemon.remove_containers()


@pytest.fixture
def docker(request: pytest.FixtureRequest, engine: Daemon) -> Client:
    """For tests that are about the engine, so that one command line is enough."""
    if request.node.get_closest_marker("not_on_dockerd") and engine.kind == "dockerd":
        pytest.skip("newer than the reference, or slower there")
    return engine.client("docker")


@pytest.fixture
def no_volumes_left(docker: Client) -> Iterator[None]:
    """All containers and volumes are gone after the test."""
    yield
    docker.daemon.remove_containers()
    for volume in docker.api("GET", "/volumes").json["Volumes"] or []:
        docker.api("DELETE", f"/volumes/{volume['Name']}?force=1")


@pytest.fixture
def start_daemon() -> Iterator[Callable[..., Daemon]]:
    """``start_daemon("--mtu", "1400")``: a scowd for one test."""
    with ExitStack() as stack:

        def start(*args: str, uplink: bool = False, images: bool = True) -> Daemon:
            return stack.enter_context(running(ScowDaemon, DaemonOptions(args, uplink, images)))

        yield start


@pytest.fixture
def neighbour(client: Client) -> Iterator[NetworkNamespace]:
    """A machine beside the engine's."""
    with neighbour_of(client.daemon.namespace) as namespace:
        yield namespace


@pytest.fixture(autouse=True)
def _no_containers_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each e2e test begins on an engine without containers."""
    yield
    if "client" in request.fixturenames:
        daemon: Daemon = request.getfixturevalue("client").daemon
    elif "scow_daemon" in request.fixturenames:
        daemon = request.getfixturevalue("scow_daemon")
    else:
        return
    for command in ("docker", "scow"):
        daemon.client(command).end_processes()
    if daemon.running:
        daemon.remove_containers()
