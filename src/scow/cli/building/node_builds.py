"""One build on several nodes, side by side, and what they came to put together.

Images that are pushed go to the registry without a name, each from the node that built it; an index of all of
them gets the names. Folders are written by every node, each platform's in a folder of its own.
"""

import queue
import threading

from scow.cli.building.attestations import annotation_attributes
from scow.cli.building.modern import build_at
from scow.cli.building.outputs import Output
from scow.cli.building.shown_work import ShownWork
from scow.cli.exits import CommandError
from scow.errors import ScowError
from scow.spec.digest import sha256_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.building.modern import Asked, Display
    from scow.cli.building.node_shares import Share
    from scow.cli.invocation import Invocation
    from scow.spec.reference import Reference

    Result = dict[str, Any]

_ONE_FILE = ("oci", "tar", "docker")
_DIGEST = "containerimage.digest"
_PROVENANCE = "buildx.build.provenance"
_KEPT = ("warnings", "explained", _PROVENANCE)


def build_on_nodes(
    invocation: "Invocation", asked: "Asked", shares: "list[Share]", display: "Display"
) -> "Result":
    """The result's metadata. Raises CommandError for the first node that fails; the others end with us."""
    names = [_taken_apart(output) for output in asked.outputs]
    outcomes: queue.Queue[tuple[int, Any]] = queue.Queue()
    lock = threading.Lock()

    def work(number: int, share: "Share") -> None:
        try:
            shown = NodeDisplay(display, share.place[1] if number else "", lock)
            outcomes.put((number, build_at(invocation, asked.on(share), share, shown)))
        except BaseException as exc:
            outcomes.put((number, exc))

    try:
        for number, share in enumerate(shares):
            name = f"node {share.place[1]}"
            threading.Thread(target=work, args=(number, share), daemon=True, name=name).start()
        results: dict[int, Result] = {}
        for _ in shares:
            number, outcome = outcomes.get()
            if isinstance(outcome, BaseException):
                raise _told(outcome, shares[number])
            results[number] = outcome
        ordered = [results[number] for number in range(len(shares))]
        pushed = ",".join(filter(None, names))
        return _merged(invocation, asked, ordered, pushed, display) if pushed else _first(ordered)
    finally:
        display.close()


def _told(error: BaseException, share: "Share") -> BaseException:
    from scow.api.client.errors import DaemonError

    if isinstance(error, DaemonError) and error.status == 404:
        return CommandError(
            f"ERROR: node {share.place[1]} cannot do a part of a build: it is no engine of scow's"
        )
    return error


def _taken_apart(output: Output) -> str:
    """Have an output made by several nodes; the names that it is to be pushed by. Raises CommandError."""
    if output.kind in _ONE_FILE:
        raise CommandError(f"ERROR: {output.kind} for multi-node builds currently not supported")
    if output.removes_stale:
        raise CommandError("ERROR: mode=delete for multi-node builds currently not supported")
    if output.kind != "image" or output.attributes.get("push") != "true":
        return ""
    names = output.attributes.get("name", "")
    repositories = dict.fromkeys(_reference(name).name for name in names.split(","))
    output.attributes = {**output.attributes, "name": ",".join(repositories), "push-by-digest": "true"}
    return names


def _reference(name: str) -> "Reference":
    from scow.cli.commands.manifest.create import named

    return named(name)


def _first(results: "list[Result]") -> "Result":
    """As buildx has it: that of the first node, with what was warned of and vouched for on all."""
    found = dict(results[0])
    for key in ("warnings", "explained"):
        found[key] = [it for result in results for it in result.get(key, ())]
    for result in results:
        found |= {key: it for key, it in result.items() if key.startswith(_PROVENANCE)}
    return found


def _merged(
    invocation: "Invocation", asked: "Asked", results: "list[Result]", names: str, display: "Display"
) -> "Result":
    """An index of what the nodes pushed, under all names."""
    from scow.cli.image_tools import combine, read_source
    from scow.cli.registry_access import RegistryAccess

    access = RegistryAccess(invocation)
    tags = [_reference(name) for name in names.split(",")]
    try:
        with ShownWork(display, f"merging manifest list {names}"):
            sources = [read_source(access, tags[0].with_digest(result[_DIGEST])) for result in results]
            media_type, data = combine(sources, _of_index(asked))
            for tag in tags:
                _put(access, tag, media_type, data)
    except ScowError as exc:
        raise CommandError(f"ERROR: failed to push {names}: {exc.message}") from exc
    kept = {key: it for key, it in _first(results).items() if key.startswith(_KEPT)}
    descriptor = {"mediaType": media_type, "digest": sha256_of(data), "size": len(data)}
    return kept | {
        _DIGEST: descriptor["digest"],
        "containerimage.descriptor": descriptor,
        "image.name": names,
    }


def _put(access: "Any", tag: "Reference", media_type: str, data: bytes) -> None:
    target = access.target(tag)
    try:
        target.put_manifest(tag.tag or "latest", media_type, data)
    finally:
        target.transport.close()


def _of_index(asked: "Asked") -> list[str]:
    """Annotations of the index and of what it names; those of manifests are the nodes' work."""
    found = []
    for name, value in annotation_attributes(asked.flags["annotation"]).items():
        kind, _, key = name.removeprefix("annotation-").partition(".")
        if kind in ("index", "manifest-descriptor"):
            found.append(f"{kind}:{key}={value}")
    return found


class NodeDisplay:
    """The part of a display that shows one node's build: steps of two nodes are two, if they are the same."""

    def __init__(self, display: "Display", node: str, lock: threading.Lock) -> None:
        self._display = display
        self._node = node
        self._lock = lock
        self.steps = display.steps

    def show(self, kind: str, event: "dict[str, Any]") -> None:
        """See ``PlainProgress``."""
        if self._node:
            event = {**event, "digest": self._own(event["digest"])}
            if "inputs" in event:
                event["inputs"] = [self._own(it) for it in event["inputs"]]
        with self._lock:
            self._display.show(kind, event)

    def close(self) -> None:
        """The display is everybody's."""

    def _own(self, digest: str) -> str:
        return sha256_of(f"{self._node} {digest}".encode())
