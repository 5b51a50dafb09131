"""What a network driver is: one network's devices, addresses and rules."""

from collections.abc import Sequence
from typing import Protocol

from scow.network.endpoint import ConnectRequest, Endpoint, PortRequest, PublishedPort


class NetworkDriver(Protocol):
    """One network. Methods other than ``start`` may be called side by side."""

    async def start(self, endpoints: Sequence[Endpoint]) -> None:
        """Set the network up; ``endpoints`` are those of running containers, all others are gone.

        Repeatable. Raises InvalidArgumentError for settings that cannot be right, ScowError.
        """

    async def connect(self, request: ConnectRequest) -> Endpoint:
        """Connect a namespace, all or nothing; cancelling undoes it.

        Raises ScowError with Docker's words for a port that is taken or no address left,
        PermissionDeniedError and InvalidArgumentError for an address that cannot be had.
        """

    async def disconnect(self, endpoint: Endpoint, *, running: bool = False) -> None:
        """Withdraw ports and free addresses; no error if that is done.

        ``running``: the namespace lives on, so its device goes now; else it goes with the namespace.
        """

    async def publish(self, endpoint: Endpoint, ports: Sequence[PortRequest]) -> list[PublishedPort]:
        """Publish further ports of a connected endpoint, all or none, and add them to its ``ports``.

        Raises PublishError with Docker's words.
        """

    async def withdraw(self, endpoint: Endpoint, ports: Sequence[PublishedPort]) -> None:
        """Take ports away, also out of the endpoint's ``ports``; no error for one that it has not."""

    async def explain(self, endpoint: Endpoint, ports: Sequence[PublishedPort] | None = None) -> list[str]:
        """The ways of packets to and from an endpoint, or to ``ports`` alone, as lines of text."""

    async def remove(self) -> None:
        """Take the network's own devices and rules away; no error if they are gone."""

    async def leave(self) -> None:
        """Take off the host what ``start`` makes again, when no container is connected. Repeatable."""
