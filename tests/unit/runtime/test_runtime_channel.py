"""Messages and descriptors over a packet socket."""

import os
import select
import socket
from collections.abc import Iterator

import pytest

from scow.runtime.channel import MAX_MESSAGE_BYTES, Channel, ChannelClosed


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel]]:
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channels = Channel(ends[0]), Channel(ends[1])
    yield channels
    for channel in channels:
        channel.close()


def test_a_message_arrives_as_it_was_sent(pair: tuple[Channel, Channel]) -> None:
    message = {"op": "x", "numbers": [1, 2**70, -1], "raw": b"\0\xff", "none": None, "flags": (True, False)}
    pair[0].send(message)
    assert pair[1].receive() == (message, [])
    assert pair[1].receive() is None


def test_descriptors_travel_and_are_not_inherited(pair: tuple[Channel, Channel]) -> None:
    ends = os.pipe()
    pair[0].send({"op": "x"}, ends)
    received = pair[1].receive()
    assert received is not None
    read_end, write_end = received[1]
    os.write(write_end, b"through")
    assert os.read(ends[0], 9) == b"through"
    assert not os.get_inheritable(read_end)
    for fd in (*ends, read_end, write_end):
        os.close(fd)


def test_what_the_kernel_does_not_take_waits_in_order(pair: tuple[Channel, Channel]) -> None:
    sender, receiver = pair
    sent = 0
    while not sender.wanted_events & select.EPOLLOUT:
        sender.send({"number": sent, "load": b"x" * 10_000})
        sent += 1
    end = os.open("/dev/null", os.O_RDONLY)
    sender.send({"number": sent}, [end])
    os.close(end)  # the channel keeps its own until it is sent
    numbers: list[int] = []
    fds: list[int] = []
    while len(numbers) <= sent:
        while (received := receiver.receive()) is not None:
            numbers.append(received[0]["number"])
            fds += received[1]
        sender.flush()
    assert numbers == list(range(sent + 1))
    assert len(fds) == 1
    os.close(fds[0])
    assert sender.wanted_events == select.EPOLLIN


def test_the_end_of_the_peer_is_noticed_by_both_directions(pair: tuple[Channel, Channel]) -> None:
    pair[1].close()
    with pytest.raises(ChannelClosed):
        pair[0].receive()
    with pytest.raises(ChannelClosed):
        pair[0].send({})


def test_a_message_that_no_receiver_would_take_is_refused(pair: tuple[Channel, Channel]) -> None:
    with pytest.raises(ValueError, match="over the limit"):
        pair[0].send({"load": b"x" * MAX_MESSAGE_BYTES})


def test_the_last_words_of_a_peer_that_died_with_something_unread(pair: tuple[Channel, Channel]) -> None:
    pair[0].send({"never": "read"})
    pair[1].send({"last": "words"})
    pair[1].close()
    assert pair[0].receive() == ({"last": "words"}, [])
    with pytest.raises(ChannelClosed):
        pair[0].receive()
