"""``GET /containers/json``: which containers, in which order."""

import time

from scow.engine.containers.links import link_names
from scow.engine.containers.registry import Containers
from scow.engine.containers.states import Status
from scow.engine.containers.views.filters import ImageAncestors, Lookups, predicates
from scow.engine.containers.views.inspect import NetworkId, summary_view
from scow.spec.engine_api.container_views import ContainerSummary
from scow.spec.filters import Filters


def list_containers(
    containers: Containers,
    *,
    all_states: bool,
    limit: int,
    filters: Filters,
    network_id: NetworkId,
    descendants: ImageAncestors,
) -> list[ContainerSummary]:
    """Newest first; running ones only, unless ``all_states``, a limit or a filter on states says otherwise.

    Raises InvalidArgumentError for unknown filters and values, NotFoundError for ``before=nope``.
    """
    tests = list(predicates(filters, Lookups(containers.get, network_id, descendants)))
    if not (all_states or limit > 0 or "status" in filters or "exited" in filters):
        tests.append(lambda live: live.doc.alive or live.doc.state.status is Status.RESTARTING)
    found = [
        live
        for live in sorted(containers, key=lambda live: (live.doc.created, live.doc.id), reverse=True)
        if all(test(live) for test in tests)
    ]
    now_ns, linked = time.time_ns(), link_names(containers)
    return [
        summary_view(live.doc, network_id=network_id, now_ns=now_ns, link_names=linked.get(live.doc.id, ()))
        for live in found[: limit if limit > 0 else None]
    ]
