"""A name server for tests: ``python -m tests.support.name_server ADDRESS``, port 53, UDP and TCP.

It knows ``outside.example``, and ``big.example``, whose answer is longer than a datagram may be.
"""

import asyncio
import sys
from ipaddress import ip_address
from typing import cast

from scow.network.dns.message import NO_ERROR, NO_SUCH_NAME, parse_query, reply

OUTSIDE = "192.0.2.99"
BIG = 100


def answer(data: bytes, limit: int | None) -> bytes:
    """To one question; ``limit`` bytes at most."""
    query = parse_query(data)
    if query.name == "outside.example":
        return reply(query, NO_ERROR, addresses=[ip_address(OUTSIDE)], ttl_s=300, limit=limit)
    if query.name == "big.example":
        many = [ip_address(f"192.0.2.{number}") for number in range(BIG)]
        return reply(query, NO_ERROR, addresses=many, ttl_s=300, limit=limit)
    return reply(query, NO_SUCH_NAME, limit=limit)


class _Datagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        self._transport.sendto(answer(data, parse_query(data).udp_bytes), sender)


async def _connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    size = int.from_bytes(await reader.readexactly(2), "big")
    found = answer(await reader.readexactly(size), None)
    writer.write(len(found).to_bytes(2, "big") + found)
    await writer.drain()
    writer.close()


async def serve(address: str) -> None:
    """For ever."""
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(_Datagrams, local_addr=(address, 53))
    server = await asyncio.start_server(_connected, address, 53)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
