"""The builds of a plan, side by side; one that is made from another waits for it."""

import queue
import threading

from scow.cli.bake.arguments import context_of, words_of
from scow.cli.bake.plan import Plan
from scow.cli.builders import Builders
from scow.cli.building.flags import FLAGS
from scow.cli.building.local_state import LocalStates, Member, new_ref
from scow.cli.building.modern import build_modern
from scow.cli.building.outputs import LOCAL_DELETE
from scow.cli.building.request import asked_by
from scow.cli.exits import CommandError
from scow.cli.parser import parse_flags
from scow.errors import ScowError
from scow.spec.digest import sha256_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from scow.cli.building.modern import Display
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

    Results = dict[str, dict[str, Any]]

_LINK = "target:"
_IMAGE_ID = "containerimage.config.digest"


class Baking:
    """One run. ``display`` shows all builds, each step with its target's name if there are several."""

    def __init__(
        self, invocation: "Invocation", plan: Plan, display: "Display", common: "Mapping[str, str]"
    ) -> None:
        """``common`` are options that all builds have."""
        self._invocation = invocation
        self._common = common
        group = new_ref()
        self._members = {name: Member(name, group) for name in plan.targets}
        self._plan = plan
        self._display = display
        self._lock = threading.Lock()
        self._ended: dict[str, threading.Event] = {name: threading.Event() for name in plan.targets}
        self._results: Results = {}

    def run(self) -> "Results":
        """What each target came to, and its ``warnings``.

        Raises CommandError for the first that fails; the others end with us.
        """
        # Both are made on first use, which must not happen on several threads at once.
        _ = self._invocation.config, self._invocation.client.version
        flags = {name: self._flags(name) for name in self._plan.targets}
        self._remember_group(flags)
        outcomes: queue.Queue[tuple[str, Any]] = queue.Queue()
        for name in self._plan.targets:
            work = threading.Thread(
                target=self._one, args=(name, flags[name], outcomes), daemon=True, name=name
            )
            work.start()
        try:
            for _ in self._plan.targets:
                name, outcome = outcomes.get()
                if isinstance(outcome, BaseException):
                    raise _failed(name, outcome, several=len(self._plan.targets) > 1)
        finally:
            self._forget_linked()
        return {name: it for name, it in self._results.items() if name not in self._plan.linked}

    def _flags(self, name: str) -> "Flags":
        fields = dict(self._plan.targets[name])
        contexts = fields.get("contexts", {})
        fields["contexts"] = {key: it for key, it in contexts.items() if not it.startswith(_LINK)}
        if name in self._plan.linked:
            fields["tags"], fields["output"] = [], []
        flags = parse_flags(FLAGS, words_of(fields))
        flags["allow"] = [*flags["allow"], LOCAL_DELETE]  # that has been asked for, if it was wanted
        flags.update(self._common)
        if self._is_needed(name) and flags["output"]:
            flags["output"] = [*flags["output"], "type=image"]
        return flags

    def _remember_group(self, flags: "dict[str, Flags]") -> None:
        refs = [self._members[name].ref for name in flags if asked_by(flags[name]).name == "build"]
        if refs:
            first = self._members[next(iter(flags))]
            LocalStates(Builders(self._invocation).folder).save_group(first.group, self._plan.wanted, refs)

    def _is_needed(self, name: str) -> bool:
        """Whether another target is made from this one: then its image is wanted whatever becomes of it."""
        return any(name in self._plan.needs(other) for other in self._plan.targets)

    def _one(self, name: str, flags: "Flags", outcomes: "queue.Queue[tuple[str, Any]]") -> None:
        try:
            fields = self._plan.targets[name]
            for needed in self._plan.needs(name):
                self._ended[needed].wait()
                if needed not in self._results:
                    return  # what failed there ends the run
            contexts = [*flags["build-context"]]
            for key, value in fields.get("contexts", {}).items():
                if value.startswith(_LINK):
                    contexts.append(f"{key}=docker-image://{self._image_of(value.removeprefix(_LINK))}")
            flags["build-context"] = contexts
            shown = _Shown(self._display, name if len(self._plan.targets) > 1 else "", self._lock)
            result = build_modern(self._invocation, flags, context_of(fields), shown, self._members[name])
            result.pop("explained", None)
            self._results[name] = {**result, "warnings": shown.warnings}
            outcomes.put((name, None))
        except BaseException as exc:
            outcomes.put((name, exc))
        finally:
            self._ended[name].set()

    def _image_of(self, target: str) -> str:
        """What a target came to, which another is made from. Raises CommandError."""
        found = self._results[target].get(_IMAGE_ID)
        if not found:
            raise CommandError(
                f"ERROR: target {target} came to no single image that another can be made from"
            )
        return str(found)

    def _forget_linked(self) -> None:
        """Images that were made for other targets only, if nobody has given them a name meanwhile."""
        for name in self._plan.linked & set(self._results):
            image_id = self._results[name].get(_IMAGE_ID)
            if not image_id:
                continue
            try:
                if not self._invocation.client.get(f"/images/{image_id}/json").get("RepoTags"):
                    self._invocation.client.delete(f"/images/{image_id}")
            except ScowError:
                continue


class _Shown:
    """The part of a display that shows one target's build, and what was warned of in it."""

    def __init__(self, display: "Display", target: str, lock: threading.Lock) -> None:
        self._display = display
        self._target = target
        self._lock = lock
        self.steps = display.steps
        self.warnings: list[dict[str, Any]] = []

    def show(self, kind: str, event: "dict[str, Any]") -> None:
        """See ``PlainProgress``."""
        if kind == "warning":
            self.warnings.append(event)
        if self._target:
            event = dict(event)
            event["digest"] = self._own(event["digest"])
            if "inputs" in event:
                event["inputs"] = [self._own(it) for it in event["inputs"]]
            if kind == "vertex":
                event["name"] = prefixed(self._target, event["name"])
        with self._lock:
            self._display.show(kind, event)

    def close(self) -> None:
        """The display is everybody's."""

    def _own(self, digest: str) -> str:
        """Steps of two targets are two, if they are the same."""
        return sha256_of(f"{self._target} {digest}".encode())


def prefixed(target: str, name: str) -> str:
    """``[app 1/3] RUN …``."""
    return f"[{target} {name[1:]}" if name.startswith("[") else f"[{target}] {name}"


def _failed(name: str, error: BaseException, *, several: bool) -> BaseException:
    if not several or not isinstance(error, (ScowError, CommandError)):
        return error
    before, mark, message = error.message.rpartition("ERROR: ")
    return CommandError(f"{before}{mark or 'ERROR: '}target {name}: {message}")
