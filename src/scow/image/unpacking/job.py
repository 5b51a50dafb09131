"""What scowd and an unpacker say to each other: a few lines of text in each packet, descriptors beside it.

    scowd → unpacker     a Job; with it the file of the layer, the directory to fill, that of the recipe
                         ASSIST; with it the link to the unpacker that is assisted, the directory to fill
                         ASSISTED; with it the link to the assistant
    unpacker → scowd     at its start its problems; for a job bytes read, perhaps ALONE, in the end Unpacked
                         or a failure; ASSISTED at the end of assisting

An unpacker is started for a moment and must be there at once, so it is nothing that takes a module to read.
What it says is not believed: it has read what a stranger wrote.
"""

from scow import errors
from scow.errors import ScowError
from scow.image.layer_stream import Unpacked

MAX_PACKET_BYTES = 64 << 10
ASSIST = b"assist"
ASSISTED = b"assisted"
ALONE = b"alone"
"""Of an unpacker that has many files to make and would have an assistant."""
SOCKET_FD = 0
"""Where an unpacker finds its end of the connection."""
_MAX_MESSAGE = 4096


class Job:
    """A layer to unpack: ``size`` bytes at ``offset`` of the file.

    ``digest`` is of these bytes, ``diff_id`` of what they decompress to; "" takes them as they come.
    ``opaque_xattr`` is how overlayfs marks deletions, "" carries them out. ``may_make_devices`` is off in a
    user namespace.
    """

    def __init__(
        self,
        offset: int,
        size: int,
        *,
        digest: str,
        diff_id: str,
        opaque_xattr: str,
        may_make_devices: bool,
    ) -> None:
        self.offset = offset
        self.size = size
        self.digest = digest
        self.diff_id = diff_id
        self.opaque_xattr = opaque_xattr
        self.may_make_devices = may_make_devices


Answer = Unpacked | ScowError | int | list[str] | bytes


def encode_job(job: Job) -> bytes:
    """As it is sent."""
    devices = "devices" if job.may_make_devices else ""
    fields = (str(job.offset), str(job.size), job.digest, job.diff_id, job.opaque_xattr, devices)
    return "\n".join(fields).encode()


def decode_job(packet: bytes) -> Job:
    """As it was sent."""
    offset, size, digest, diff_id, opaque_xattr, devices = packet.decode().split("\n")
    return Job(
        int(offset),
        int(size),
        digest=digest,
        diff_id=diff_id,
        opaque_xattr=opaque_xattr,
        may_make_devices=bool(devices),
    )


def encode_answer(answer: Unpacked | ScowError | int | list[str]) -> bytes:
    """An end, a failure, bytes read so far, or what an unpacker could not do to confine itself."""
    match answer:
        case Unpacked():
            fields = ["unpacked", answer.diff_id, str(answer.size)]
        case ScowError():
            fields = ["failure", type(answer).__name__, answer.message[:_MAX_MESSAGE]]
        case int():
            fields = ["read", str(answer)]
        case _:
            fields = ["ready", *answer]
    return "\n".join(fields).encode(errors="surrogateescape")


def decode_answer(packet: bytes) -> Answer:
    """The counterpart, or the packet itself. Raises ``ValueError`` for what no unpacker says."""
    if packet in (ALONE, ASSISTED):
        return packet
    kind, *fields = packet.decode(errors="replace").split("\n")
    match kind, fields:
        case "unpacked", [diff_id, size]:
            return Unpacked(diff_id, int(size))
        case "failure", [name, *lines]:
            named = getattr(errors, name, ScowError)
            is_ours = isinstance(named, type) and issubclass(named, ScowError)
            return named("\n".join(lines)) if is_ours else ScowError("\n".join(lines))
        case "read", [position]:
            return int(position)
        case "ready", problems:
            return problems
        case _:
            raise ValueError("not an unpacker's answer")
