"""Our table in the kernel, kept the same as what is published.

Memory comes first, the kernel second: whenever a change does not apply, because somebody flushed the
ruleset or an element is not what it was, the whole table is written anew from memory.
"""

import errno
import logging
import threading
from collections.abc import Iterable, Sequence

from scow.linux.nftables import Nftables, NftablesError
from scow.network import firewall
from scow.network.firewall import BridgeRules, PortMapping

TABLE = "scow"
_log = logging.getLogger(__name__)


class PacketFilter:
    """The table of one engine. Methods block for some tenth of a millisecond; any thread may call them."""

    def __init__(self) -> None:
        """Bind to the network namespace of the calling thread."""
        self._nftables = Nftables()
        self._lock = threading.Lock()
        self._bridges: dict[str, BridgeRules] = {}
        self._published: dict[PortMapping, None] = {}

    def add_bridge(self, bridge: BridgeRules, mappings: Iterable[PortMapping]) -> None:
        """Add a bridge, or change its rules, with what is published there. Raises NftablesError."""
        with self._lock:
            self._bridges[bridge.interface] = bridge
            self._published |= dict.fromkeys(mappings)
            self._write_table()

    def remove_bridge(self, interface: str) -> None:
        """Remove the rules of a bridge; no error if there are none. Raises NftablesError."""
        with self._lock:
            if self._bridges.pop(interface, None) is not None:
                self._write_table()

    def publish(self, mappings: Sequence[PortMapping]) -> None:
        """Add ``mappings``. Raises NftablesError; none of them is published then."""
        if not mappings:
            return
        with self._lock:
            self._published |= dict.fromkeys(mappings)
            try:
                self._apply(firewall.add_elements(TABLE, mappings))
            except NftablesError:
                self._forget(mappings)
                raise

    def withdraw(self, mappings: Sequence[PortMapping]) -> None:
        """Remove ``mappings``; no error for one that is not published. Raises NftablesError."""
        with self._lock:
            present = [mapping for mapping in mappings if mapping in self._published]
            self._forget(present)
            if present:
                self._apply(firewall.delete_elements(TABLE, present))

    def warn_of_foreign_policies(self) -> None:
        """Say in the log which other firewall will stop our containers."""
        for chain in firewall.foreign_drop_policies(self._nftables.run("list chains\n", seldom=True), TABLE):
            _log.warning("chain %s drops forwarded packets: it has to let container traffic through", chain)

    def close(self) -> None:
        """Let go of the library; the table stays."""
        self._nftables.close()

    def _forget(self, mappings: Iterable[PortMapping]) -> None:
        for mapping in mappings:
            self._published.pop(mapping, None)

    def _apply(self, commands: str) -> None:
        try:
            self._nftables.run(commands)
        except NftablesError as exc:
            if exc.errno not in (errno.ENOENT, errno.EEXIST):
                raise
            _log.warning("table %s was changed by somebody else; writing it anew: %s", TABLE, exc)
            self._write_table()

    def _write_table(self) -> None:
        table = firewall.render_table(TABLE, list(self._bridges.values()), list(self._published))
        self._nftables.run(table, seldom=True)
