"""A network as a client asks for it: checked and settled but for its subnets.

What is wrong is found in the order in which Docker finds it, and said in Docker's words.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scow.engine.networks.bridge_options import BRIDGE_NAME, ENABLE_IPV4, ENABLE_IPV6, parse_switch
from scow.engine.networks.drivers import check_driver, check_options, macvlan_parent
from scow.engine.networks.ipam_config import check_pools
from scow.engine.networks.ipam_drivers import DEFAULT, check_families, check_ipam_driver
from scow.engine.networks.record import NetworkRecord, is_predefined
from scow.engine.networks.registry import Networks
from scow.engine.timestamps import rfc3339
from scow.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError
from scow.network.bridge_device import device_exists
from scow.spec.engine_api.network import IPAMPool, NetworkCreate

_DEFAULT_DRIVER = "bridge"


@dataclass(frozen=True, slots=True)
class Draft:
    """A document that has no subnets yet, and those that were asked for."""

    record: NetworkRecord
    asked: Sequence[IPAMPool]


def draft_network(
    body: NetworkCreate, default_options: Mapping[str, Mapping[str, str]], networks: Networks
) -> Draft:
    """What ``body`` asks for, among the ``networks`` that there are. ``default_options`` are by driver.

    Raises InvalidArgumentError, ConflictError, PermissionDeniedError and NotFoundError.
    """
    if is_predefined(body.name):
        raise PermissionDeniedError(f"operation is not permitted on predefined {body.name} network ")
    record = _record(body, default_options)
    asked = check_pools(body.ipam.config or (), ipv6=record.enable_ipv6)
    if not body.name.strip():
        raise InvalidArgumentError("invalid name: name is empty")
    networks.check_free(body.name)
    _check_scope(body)
    if record.config_from:
        asked = _apply_template(record, body, networks)
    if record.config_only:
        record.driver = "null"
    else:
        _settle_drivers(record, asked, networks)
    return Draft(record, asked)


def _record(body: NetworkCreate, default_options: Mapping[str, Mapping[str, str]]) -> NetworkRecord:
    driver = body.driver or _DEFAULT_DRIVER
    options = dict(body.options)
    if not body.config_from.network:
        options = {**default_options.get(driver, {}), **options}
    bridge = options.get(BRIDGE_NAME, "")
    return NetworkRecord(
        id=secrets.token_hex(32),
        name=body.name,
        driver=driver,
        created=rfc3339(time.time_ns()),
        internal=body.internal,
        attachable=body.attachable,
        enable_ipv4=_switch(body.enable_ipv4, options, ENABLE_IPV4, default=True),
        enable_ipv6=_switch(body.enable_ipv6, options, ENABLE_IPV6, default=False),
        options=options,
        labels=body.labels,
        ipam_driver=body.ipam.driver or DEFAULT,
        ipam_options=body.ipam.options,
        given_bridge=bool(bridge) and device_exists(bridge),
        config_only=body.config_only,
        config_from=body.config_from.network,
    )


def _switch(given: bool | None, options: Mapping[str, str], name: str, *, default: bool) -> bool:
    """A setting that may be a field or an option; the field decides."""
    if given is not None:
        return given
    try:
        return parse_switch(options, name, default=default)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f'driver-opt "{name}" is not a valid bool') from exc


def _check_scope(body: NetworkCreate) -> None:
    if body.config_only and (body.ingress or body.internal or body.attachable or body.scope):
        raise PermissionDeniedError(
            "configuration network can only contain network specific fields. "
            "Network operator fields like [ ingress | internal | attachable | scope ] are not supported."
        )
    if body.scope == "swarm":
        raise PermissionDeniedError("cannot create a swarm scoped network when swarm is not active")
    if body.ingress and body.driver != "overlay":
        raise PermissionDeniedError("Ingress network can only be global scope network")


def _apply_template(record: NetworkRecord, body: NetworkCreate, networks: Networks) -> list[IPAMPool]:
    """``--config-from``: options, labels and subnets of a network that has nothing else."""
    if record.config_only:
        raise PermissionDeniedError("a configuration network cannot depend on another configuration network")
    configured = body.labels or body.ipam.config or body.ipam.options
    if configured or record.ipam_driver != DEFAULT or not record.enable_ipv4 or record.enable_ipv6:
        raise PermissionDeniedError(
            "user-specified configurations are not supported "
            "if the network depends on a configuration network"
        )
    if body.options:
        raise PermissionDeniedError(
            "network driver options are not supported if the network depends on a configuration network"
        )
    template = networks.by_name(record.config_from)
    if template is None or not template.record.config_only:
        raise NotFoundError(f'configuration network "{record.config_from}" does not exist')
    record.enable_ipv4, record.enable_ipv6 = template.record.enable_ipv4, template.record.enable_ipv6
    record.options, record.labels = template.record.options, template.record.labels
    record.ipam_driver, record.ipam_options = template.record.ipam_driver, template.record.ipam_options
    return [pool.view() for pool in template.record.pools]


def _settle_drivers(record: NetworkRecord, asked: Sequence[IPAMPool], networks: Networks) -> None:
    check_driver(record.driver)
    check_ipam_driver(record, asked)
    check_options(record)
    check_families(record)
    if record.driver == "macvlan":
        record.made_parent = _makes_parent(record, networks)


def _makes_parent(record: NetworkRecord, networks: Networks) -> bool:
    """Whether the parent of a macvlan network is there for networks only."""
    parent = macvlan_parent(record)
    others = (live.record for live in networks)
    return not device_exists(parent) or any(
        other.made_parent and macvlan_parent(other) == parent for other in others
    )
