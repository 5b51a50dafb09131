"""Records of a builder: fetched, newest first, chosen by name or by how many are younger (``^1``)."""

from scow.api.client.buildkit import build_records
from scow.cli.builders import Builders
from scow.cli.building.local_state import LocalState, LocalStates
from scow.cli.exits import CommandError
from scow.cli.history.filters import RecordFilters
from scow.cli.history.naming import build_name
from scow.errors import ScowError
from scow.spec.build_history import HistoryQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.api.client.client import Client
    from scow.cli.invocation import Invocation
    from scow.spec.build_history import BuildRecord

_LIMIT = 50
_NS = 1_000_000_000


class FoundRecord:
    """One record. ``client`` is its engine's, ``now_ns`` the time there, None if that is not said."""

    __slots__ = ("client", "now_ns", "place", "record", "state")

    def __init__(
        self,
        client: "Client",
        record: "BuildRecord",
        place: tuple[str, str],
        state: LocalState | None,
        now_ns: int | None,
    ) -> None:
        self.client = client
        self.record = record
        self.place = place
        self.state = state
        self.now_ns = now_ns

    @property
    def name(self) -> str:
        return build_name(self.record.attributes, self.state)

    @property
    def full_ref(self) -> str:
        """With builder and node, as ``--metadata-file`` has it."""
        return "/".join((*self.place, self.record.ref))

    @property
    def duration_ns(self) -> int | None:
        """Up to now if the build goes on; None if nobody knows."""
        end_ns = self.record.completed_ns or self.now_ns
        return end_ns - self.record.created_ns if end_ns is not None else None


class BuilderRecords:
    """Of the builder that ``name`` or the environment means, by all its nodes. Raises CommandError."""

    def __init__(self, invocation: "Invocation", name: str) -> None:
        builders = Builders(invocation)
        builder = builders.chosen(name)
        self._nodes = [(builder.place(it), builders.client(builder, it)) for it in builder.nodes]
        self._states = LocalStates(builders.folder)

    def all(
        self, ref: str = "", filters: RecordFilters | None = None, *, ended_only: bool = False
    ) -> list[FoundRecord]:
        """Newest first. ``ref`` may be ``^N``, the one with N younger ones. Raises CommandError."""
        name, position = _meant(ref)
        query = HistoryQuery(ref=name, limit=_LIMIT, filters=filters.sent if filters else ())
        found = [
            it
            for place, client in self._nodes
            for it in self._of_node(place, client, query)
            if (not ended_only or it.record.completed_ns is not None)
            and (filters is None or filters.match(it.record))
        ]
        found.sort(key=lambda it: -it.record.created_ns)
        if position is None:
            return found
        if (left := position - len(found)) > 0:
            raise CommandError(f"ERROR: no completed build found with offset {left}")
        return found[position : position + 1]

    def _of_node(self, place: tuple[str, str], client: "Client", query: HistoryQuery) -> list[FoundRecord]:
        try:
            records, moment = build_records(client, query)
        except ScowError as exc:
            raise CommandError(f"ERROR: {exc.message}") from exc
        now_ns = _moment_ns(moment)
        return [FoundRecord(client, it, place, self._states.read(place, it.ref), now_ns) for it in records]

    def every(self) -> list[FoundRecord]:
        """All that there are, however many. Raises CommandError."""
        return [it for place, client in self._nodes for it in self._of_node(place, client, HistoryQuery())]

    def clients(self) -> "list[Client]":
        """The engines of the nodes."""
        return [client for _, client in self._nodes]

    def one(self, ref: str, *, ended_only: bool = False) -> FoundRecord:
        """The one that is meant; the last build without a ``ref``. Raises CommandError."""
        found = self.all(ref, ended_only=ended_only)
        if not found:
            raise CommandError(
                f'ERROR: no record found for ref "{ref}"' if ref else "ERROR: no records found"
            )
        return found[0]


def _meant(ref: str) -> tuple[str, int | None]:
    """A name, without builder and node, or a position."""
    if not ref.startswith("^"):
        return ref.rpartition("/")[2], None
    digits = ref[1:]
    if not (digits.isascii() and digits.isdigit()):
        raise CommandError(f'ERROR: invalid offset "{ref}": strconv.Atoi: parsing "{digits}": invalid syntax')
    return "", int(digits)


def _moment_ns(text: str) -> int | None:
    """RFC 3339 with up to nine digits behind the second."""
    from datetime import datetime

    second, _, rest = text.rstrip("Z").partition(".")
    try:
        found = datetime.fromisoformat(f"{second}+00:00")
        return int(found.timestamp()) * _NS + int(rest.ljust(9, "0")[:9] or 0)
    except ValueError:
        return None
