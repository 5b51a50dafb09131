"""What a transfer tells while it goes on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """``status`` in Docker's words; ``id`` is a layer's short id or a tag; bytes where there is a measure."""

    status: str
    id: str = ""
    current: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Pulled:
    """The end of a pull: whether ``name`` means another image now."""

    name: str
    is_new: bool

    @property
    def status(self) -> str:
        """That in Docker's words."""
        return f"Status: {'Downloaded newer image' if self.is_new else 'Image is up to date'} for {self.name}"


@dataclass(frozen=True, slots=True)
class Pushed:
    """The end of a push: what the registry has now under ``tag``."""

    tag: str
    digest: str
    size: int


def short_id(digest: str) -> str:
    """Twelve hex digits, as people see them."""
    return digest.partition(":")[2][:12]
