"""Who uses what: told by the containers, so that the owner of a thing need not know them."""

from collections.abc import Callable, Iterator

from scow.engine.containers.registry import Containers
from scow.engine.containers.views.inspect import nominal_endpoint_id
from scow.engine.networks.view import Member
from scow.image.model import ImageUser


def members(containers: Containers) -> Iterator[Member]:
    for live in containers:
        if live.doc.alive:
            doc = live.doc
            endpoints = {it: doc.endpoints.get(it) or nominal_endpoint_id(doc, it) for it in doc.networks}
            yield Member(doc.id, doc.name, endpoints)


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
