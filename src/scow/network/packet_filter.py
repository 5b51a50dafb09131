"""Our tables in the kernel, kept the same as what is published.

Memory comes first, the kernel second: whenever a change does not apply, because somebody flushed the
ruleset or an element is not what it was, the tables are written anew from memory. The kernel tells of what
is taken out of them, so that it also happens when there is nothing to change.
"""

import errno
import logging
import threading
from collections import deque
from collections.abc import Iterable, Sequence

from scow.linux import nf_tables, nftables
from scow.linux.netlink import NETLINK_NETFILTER, NetlinkSocket, Request
from scow.linux.nf_tables import Element, TableWatch
from scow.network import firewall, source_guard
from scow.network.bridge_elements import bridge_elements
from scow.network.explain import KernelTables, user_rules
from scow.network.firewall import BridgeRules, RulePolicy

TABLE = "scow"
_log = logging.getLogger(__name__)

# The changes of commands that we ran are still to be read when they have ended: a few of them.
_COMMANDS_REMEMBERED = 64
_NO_SETTINGS = RulePolicy()


class PacketFilter:
    """The tables of one engine. Methods block for some tenth of a millisecond; any thread may call them."""

    def __init__(self, policy: RulePolicy = _NO_SETTINGS) -> None:
        """Bind to the network namespace of the calling thread, where all calls have to come from."""
        self._policy = policy
        self._is_written = False
        self._lock = threading.Lock()
        self._socket = NetlinkSocket(NETLINK_NETFILTER)
        self._own_commands: deque[int] = deque(maxlen=_COMMANDS_REMEMBERED)
        self._bridges: dict[str, BridgeRules] = {}
        self._elements: dict[Element, None] = {}

    def add_bridge(self, bridge: BridgeRules, elements: Iterable[Element], *, write: bool = True) -> None:
        """Add a bridge with what is published there. Raises NftablesError, OSError; it is not added then.

        Without ``write`` the kernel learns of it later.
        """
        with self._lock:
            self._bridges[bridge.interface] = bridge
            try:
                self._add([*bridge_elements(bridge), *elements], write=write)
            except OSError:
                del self._bridges[bridge.interface]
                raise

    def write(self) -> None:
        """Bring everything to the kernel. Raises NftablesError."""
        with self._lock:
            if self._bridges:
                self._write_tables()

    def remove_bridge(self, interface: str) -> None:
        """Remove the rules of a bridge; no error if there are none. Raises NftablesError, OSError."""
        with self._lock:
            bridge = self._bridges.pop(interface, None)
            if bridge is not None:
                self._remove(bridge_elements(bridge))

    def add(self, elements: Sequence[Element]) -> None:
        """Add ``elements``; no error for one that is there. Raises OSError; none of them is added then."""
        with self._lock:
            self._add(elements)

    def remove(self, elements: Sequence[Element]) -> None:
        """Remove ``elements``; no error for one that is not there. Raises OSError."""
        with self._lock:
            self._remove(elements)

    def watch(self) -> TableWatch:
        """Hears of what others take out of the tables; the caller closes it. Raises OSError."""
        return TableWatch(TABLE, but_for=self._socket.port)

    def restore(self, culprits: set[int]) -> bool:
        """Write the tables anew if one of ``culprits`` is not ourselves. Raises NftablesError."""
        with self._lock:
            if not (self._bridges and culprits.difference(self._own_commands)):
                return False
            _log.warning("rules of table %s were removed by somebody else: they are put back", TABLE)
            self._write_tables()
            return True

    def foreign_drop_policies(self) -> list[str]:
        """Chains of other firewalls that drop what they do not know. Raises NftablesError."""
        listing, _ = nftables.run("list chains\n")
        return firewall.foreign_drop_policies(listing, TABLE)

    def read(self) -> KernelTables:
        """What is in the kernel now, whoever put it there. Raises NftablesError."""
        listing, _ = nftables.run("list ruleset\n")
        own = [_table(listing, f"{family} {TABLE}") for family in ("inet", "bridge")]
        return KernelTables(
            "\n".join(own),
            user_rules(_table(listing, f"inet {firewall.USER_TABLE}")),
            tuple(firewall.foreign_drop_policies(listing, TABLE)),
        )

    def remove_tables(self) -> None:
        """Take our tables away, and the user's if there is nothing in it. Raises NftablesError."""
        with self._lock:
            listing, _ = nftables.run("list tables\n")
            commands = [
                f"delete table {family} {TABLE}\n"
                for family in ("inet", "bridge")
                if f"table {family} {TABLE}" in listing.splitlines()
            ]
            if f"table inet {firewall.USER_TABLE}" in listing.splitlines():
                own, _ = nftables.run(f"list table inet {firewall.USER_TABLE}\n")
                if firewall.is_untouched(own):
                    commands.append(f"delete table inet {firewall.USER_TABLE}\n")
            nftables.run("".join(commands))
            self._is_written = False

    def close(self) -> None:
        """Let go of the kernel; the tables stay. May be called twice."""
        self._socket.close()

    def _add(self, elements: Sequence[Element], *, write: bool = True) -> None:
        new = [element for element in elements if element not in self._elements]
        self._elements |= dict.fromkeys(new)
        if not write:
            return
        try:
            if self._is_written:
                self._change(nf_tables.add_elements(TABLE, new))
            else:
                self._write_tables()
        except OSError:
            self._forget(new)
            raise

    def _remove(self, elements: Sequence[Element]) -> None:
        present = [element for element in elements if element in self._elements]
        self._forget(present)
        self._change(nf_tables.delete_elements(TABLE, present))

    def _forget(self, elements: Iterable[Element]) -> None:
        for element in elements:
            self._elements.pop(element, None)

    def _change(self, requests: Sequence[Request]) -> None:
        if not requests:
            return
        try:
            self._socket.execute_batch(nf_tables.SUBSYSTEM, *requests)
        except OSError as exc:
            if exc.errno not in (errno.ENOENT, errno.EEXIST, errno.EBUSY):
                raise
            _log.warning("table %s was changed by somebody else; writing it anew: %s", TABLE, exc)
            self._write_tables()

    def _write_tables(self) -> None:
        inet = [element for element in self._elements if element.family == "inet"]
        guard = [element for element in self._elements if element.family == "bridge"]
        commands = (
            firewall.render_user_table()
            + firewall.render_table(TABLE, self._policy, inet)
            + source_guard.render_guard(TABLE)
            + firewall.element_commands(TABLE, guard)
        )
        _, port = nftables.run(commands)
        self._own_commands.append(port)
        self._is_written = True


def _table(listing: str, name: str) -> str:
    """One table out of nft's listing, where the brace that ends it stands alone."""
    _, found, rest = listing.partition(f"table {name} {{\n")
    return found + rest.partition("\n}")[0] if found else ""
