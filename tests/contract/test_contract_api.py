"""Every answer of the API is what the document of its version says, and has the members that Docker's has.

The documents are not exact, so what real Docker answers counts too: the same scenario runs on dockerd 20.10,
and what its document does not allow is accepted here where dockerd does it as well.
"""

import fnmatch
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.contract.api_scenario import Driver, Exchange, drive
from tests.support.daemons import Daemon
from tests.support.engine_api import ApiDocument, members_of_any_version

pytestmark = pytest.mark.root

VERSIONS = ("1.24", "1.41", "1.44", "1.50", "1.52", "1.55")
REFERENCE_VERSIONS = ("1.24", "1.41")

# Needs what this engine does not have yet: a builder, a swarm.
NOT_DRIVEN = {
    "POST /build", "GET /images/search", "GET /images/{name}/attestations",
    "PUT /volumes/{name}",
}  # fmt: skip
# Lists and maps that nobody gave a value are null in Go, whatever the documents say.
NULL = {
    "", ".BuildCache", ".CachesDeleted", ".ExitCode", ".NetworksDeleted", ".Warnings",
    "ContainerBlkioStats.io_service_bytes_recursive",
    "ContainerUpdateResponse.Warnings", "ContainerWaitExitError", "EndpointSettings.Aliases",
    "EndpointSettings.Links", "EndpointSettings.DNSNames", "GenericResources", "IPAM.Config", "IPAM.Options",
    "ImageSummary.Labels", "ImageSummary.RepoDigests", "PluginsInfo.Authorization", "PortMap",
    "SystemInfo.Warnings", "Volume.Labels", "Volume.Options", "VolumeListResponse.Warnings",
    *(f"ContainerConfig.{name}" for name in ("Cmd", "Entrypoint", "Env", "Labels", "OnBuild", "Volumes")),
    *(f"ImageConfig.{name}" for name in ("Cmd", "Entrypoint", "Env", "Labels", "OnBuild", "Volumes")),
    *(
        f"HostConfig.{name}"
        for name in (
            "Binds", "BlkioDeviceReadBps", "BlkioDeviceReadIOps", "BlkioDeviceWriteBps",
            "BlkioDeviceWriteIOps", "BlkioWeightDevice", "CapAdd", "CapDrop", "DeviceCgroupRules",
            "DeviceRequests", "Devices", "Dns", "DnsOptions", "DnsSearch", "ExtraHosts", "GroupAdd", "Links",
            "MemorySwappiness", "PortBindings", "SecurityOpt", "Ulimits", "VolumesFrom",
        )
    ),
}  # fmt: skip
# Refusals that Docker has and its documents leave out, some in their oldest versions only.
STATUS = {
    "GET /containers/{id}/attach/ws: status 101", "GET /containers/{id}/logs: status 400",
    "GET /distribution/{name}/json: status 400",
    "GET /containers/{id}/top: status 409", "POST /containers/{id}/exec: status 400",
    "POST /containers/{id}/kill: status 409", "POST /containers/{id}/pause: status 409",
    "POST /containers/{id}/rename: status 400", "HEAD /containers/{id}/archive: status *",
}  # fmt: skip
# Members that Docker has in no document. Of disk usage, 1.52 has those of 1.51 too unless asked for details.
UNDOCUMENTED = {
    "EventMessage.from", "EventMessage.id", "EventMessage.status", ".BuilderSize",
    ".BuildCache", ".Containers", ".Images", ".LayersSize", ".Volumes",
}  # fmt: skip
# Where this engine's answers differ in shape from those of dockerd 20.10, which is older.
DIFFERENCES = {
    "* *.CDISpecDirs": "newer",
    "* *.DNSNames": "newer",
    "* *.EnableIPv4": "newer",
    "* *.GwPriority": "newer",
    "* *.os_type": "newer",
    "* *.StartInterval": "newer",
    "* *.KernelMemory": "gone from the present Docker",
    "* *.KernelMemoryTCP": "gone from the present Docker",
    "* *.RepoDigests": "never null in the present Docker",
    "GET /system/df .BuildCache": "never null in the present Docker",
    "GET /images/{name}/json *ContainerConfig.*": "gone since 1.45: that of a commit is not kept",
    "GET /networks* *IPAM.Config": "null in the present Docker where nobody chose subnets",
    "GET /networks* *.Gateway": "the present Docker always shows the bridge's",
    "GET /info *.ExecutionDriver": "gone from the present Docker",
    "GET /containers/{id}/json *.PortBindings": "those that were not given are shown as none, not as null",
    "* PortMap": "as above",
    "GET /containers/json *.SizeRw": "Docker leaves it out when it is 0",
    "GET /info *.DefaultAddressPools*": "Docker shows those that were configured only",
}


def accepted(fault: str, version: str) -> bool:
    """Whether real Docker has this fault too."""
    place, _, what = fault.rpartition(": ")
    inline = place.startswith((".", "["))
    if what == "null":
        # The shapes of 1.24 have no names, only the members have.
        return place in NULL or (inline and _member(place) in {_member(known) for known in NULL})
    if what == "not in the document":
        definition, _, member = place.rpartition(".")
        later = members_of_any_version().get(definition, frozenset())
        return place in UNDOCUMENTED or member in later or (inline and version == "1.24")
    return any(fnmatch.fnmatch(fault, known) for known in STATUS)


def _member(place: str) -> str:
    return place.rpartition(".")[2]


def faults(document: ApiDocument, exchanges: Iterable[Exchange]) -> dict[str, str]:
    """What is not as the document says, with the operation where it was seen first."""
    found: dict[str, str] = {}
    for exchange in exchanges:
        responses = document.operations[exchange.operation]["responses"]
        status = str(exchange.answer.status)
        if status not in responses:
            found.setdefault(f"{exchange.operation}: status {status}", exchange.operation)
        for value in exchange.values:
            for fault in document.faults(responses.get(status) or {}, value):
                found.setdefault(fault, exchange.operation)
    return found


def shape(document: ApiDocument, exchanges: Iterable[Exchange]) -> dict[tuple[str, str], set[str]]:
    """Each place of the successful answers of each operation, with the types that were there."""
    found: dict[tuple[str, str], set[str]] = {}
    for exchange in exchanges:
        schema = document.operations[exchange.operation]["responses"].get(str(exchange.answer.status))
        for value in exchange.values if exchange.answer.status < 300 else ():
            for place, kinds in document.members(schema or {}, value).items():
                found.setdefault((exchange.operation, place), set()).update(kinds)
    return found


Run = Callable[[Daemon, str], Driver]


@pytest.fixture(scope="module")
def run() -> Run:
    """The scenario on an engine in a version; done once for all tests."""
    done: dict[tuple[str, str], Driver] = {}

    def get(daemon: Daemon, version: str) -> Driver:
        key = (daemon.kind, version)
        if key not in done:
            driver = Driver(daemon, version)
            drive(driver)
            done[key] = driver
        return done[key]

    return get


def check_faults(driver: Driver) -> None:
    version = driver.document.version
    found = faults(driver.document, driver.exchanges)
    assert {k: v for k, v in found.items() if not accepted(k, version)} == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_answers_are_as_the_document_of_their_version_says(
    run: Run, scow_daemon: Daemon, version: str
) -> None:
    check_faults(run(scow_daemon, version))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_operation_of_the_document_is_called(run: Run, scow_daemon: Daemon, version: str) -> None:
    driver = run(scow_daemon, version)
    called = {exchange.operation for exchange in driver.exchanges}
    assert set(driver.document.operations) - called <= NOT_DRIVEN


@pytest.mark.reference
@pytest.mark.parametrize("version", REFERENCE_VERSIONS)
def test_what_is_accepted_is_what_docker_answers(run: Run, dockerd: Daemon, version: str) -> None:
    check_faults(run(dockerd, version))


@pytest.mark.reference
@pytest.mark.parametrize("version", REFERENCE_VERSIONS)
def test_answers_have_the_members_that_dockers_have(
    run: Run, scow_daemon: Daemon, dockerd: Daemon, version: str
) -> None:
    ours, theirs = (
        shape(driver.document, driver.exchanges)
        for driver in (run(scow_daemon, version), run(dockerd, version))
    )
    differing: dict[str, Any] = {}
    for operation, place in {*ours, *theirs}:
        mine, other = ours.get((operation, place)), theirs.get((operation, place))
        name = f"{operation} {place}"
        if mine != other and not any(fnmatch.fnmatch(name, known) for known in DIFFERENCES):
            differing[name] = f"ours {mine}, Docker's {other}"
    assert differing == {}
