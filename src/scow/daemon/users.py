"""Who uses what: told by the containers, so that the owner of a thing need not know them."""

from collections.abc import Callable, Iterator

from scow.engine.containers.registry import Containers
from scow.engine.networks.view import Member
from scow.image.model import ImageUser


def members(containers: Containers) -> Iterator[Member]:
    for live in containers:
        if live.doc.alive:
            endpoints = {name: live.doc.endpoints.get(name) for name in live.doc.networks}
            yield Member(live.doc.id, live.doc.name, endpoints)


def image_users(containers: Containers) -> Iterator[ImageUser]:
    for live in containers:
        yield ImageUser(live.doc.id, live.doc.image_id, live.doc.alive)


def volume_users(containers: Containers) -> Callable[[str], list[str]]:
    def users(name: str) -> list[str]:
        return [
            doc.id
            for doc in containers.documents()
            if any(record.type == "volume" and record.name == name for record in doc.mounts)
        ]

    return users
