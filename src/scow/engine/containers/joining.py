"""The networks of a new container, as its settings name them. Pure but for looking networks up."""

from collections.abc import Mapping

from scow.engine.networks.endpoint_checks import check_endpoint
from scow.engine.networks.ipam_config import joined_problems
from scow.engine.networks.record import PREDEFINED, is_user_defined
from scow.engine.networks.registry import LiveNetwork, Networks
from scow.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError
from scow.spec.engine_api.container import HostConfig
from scow.spec.engine_api.network import EndpointSettings, NetworkingConfig

_DEFAULT_MODES = ("", "default")
NOT_WITH_OTHERS = (
    "container sharing network namespace with another container or host "
    "cannot be connected to any other network"
)
ONLY_A_TEMPLATE = "cannot create endpoint on configuration-only network"
NOT_WITH_NONE = (
    "container cannot be connected to multiple networks with one of the networks in private (none) mode"
)


def settle_networks(
    host: HostConfig, asked: NetworkingConfig, networks: Networks
) -> dict[str, EndpointSettings]:
    """What to join, by name, the network of ``host.network_mode`` first; that mode gets the name it means.

    Raises InvalidArgumentError for what the networks cannot do. That they exist is looked at when the
    container starts, as in Docker: clients take a 404 here for a missing image.
    """
    if host.network_mode in _DEFAULT_MODES:
        host.network_mode = "bridge"
    if host.network_mode.startswith("container:"):
        return {}
    main = _name_of(host.network_mode, networks)
    found = {_name_of(key, networks): settings for key, settings in asked.endpoints_config.items()}
    if not found:
        found = {main: EndpointSettings()}
    elif main in found:
        found = {main: found.pop(main), **found}
    check_together(list(found))
    _check(found, networks)
    return {name: asked_for(settings) for name, settings in found.items()}


def check_together(names: list[str]) -> None:
    """Raises InvalidArgumentError in Docker's words for networks that a container cannot be on at once."""
    if len(names) > 1 and "host" in names:
        raise InvalidArgumentError(NOT_WITH_OTHERS)
    if len(names) > 1 and "none" in names:
        raise InvalidArgumentError(NOT_WITH_NONE)


def _name_of(ref: str, networks: Networks) -> str:
    # Clients ask for the bridge's settings under the name it has in ``--network``.
    if ref in _DEFAULT_MODES:
        return "bridge"
    live = find_network(ref, networks)
    return live.record.name if live else ref


def find_network(ref: str, networks: Networks) -> LiveNetwork | None:
    """A network by name, id or prefix; None if there is none, or several."""
    try:
        return networks.get(ref)
    except (NotFoundError, InvalidArgumentError):
        return None


def _check(found: Mapping[str, EndpointSettings], networks: Networks) -> None:
    wrong = []
    for name, settings in found.items():
        live = networks.by_name(name)
        try:
            check_endpoint(settings, name, live.record if live else None)
        except InvalidArgumentError as exc:
            wrong.append(f"invalid config for network {name}: {exc.message}")
    if wrong:
        raise InvalidArgumentError(joined_problems(wrong))


def asked_for(settings: EndpointSettings) -> EndpointSettings:
    """Without what another container had, which clients send back as they found it."""
    return EndpointSettings(
        ipam_config=settings.ipam_config,
        links=settings.links,
        aliases=settings.aliases,
        mac_address=settings.mac_address,
        driver_opts=settings.driver_opts,
        gw_priority=settings.gw_priority,
    )


def bound_network(name: str, settings: EndpointSettings, networks: Networks) -> LiveNetwork:
    """The network that a container is to join at its start. Raises NotFoundError, PermissionDeniedError.

    One of a user's that it was on before is known by its id: another of that name is another network.
    """
    ref = settings.network_id if is_user_defined(name) and settings.network_id else name
    live = networks.by_id(ref) or find_network(ref, networks)
    if live is not None and live.record.config_only:
        raise PermissionDeniedError(ONLY_A_TEMPLATE)
    if live is None or live.being_removed or (live.driver is None and name not in PREDEFINED):
        raise NotFoundError(f"network {ref} not found")
    return live
