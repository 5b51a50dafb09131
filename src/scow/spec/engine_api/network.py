"""Networks and a container's endpoints on them."""

import msgspec

from scow.spec.engine_api.body import Body


class EndpointIPAMConfig(Body, kw_only=True, omit_defaults=True):
    """Addresses the user asked for."""

    ipv4_address: str = msgspec.field(default="", name="IPv4Address")
    ipv6_address: str = msgspec.field(default="", name="IPv6Address")
    link_local_ips: list[str] = msgspec.field(default_factory=list, name="LinkLocalIPs")


class EndpointSettings(Body, kw_only=True):
    """A container's place on one network: what was asked for, and what it got."""

    ipam_config: EndpointIPAMConfig | None = msgspec.field(default=None, name="IPAMConfig")
    links: list[str] | None = None
    aliases: list[str] | None = None
    mac_address: str = ""
    driver_opts: dict[str, str] | None = None
    gw_priority: int = 0
    network_id: str = msgspec.field(default="", name="NetworkID")
    endpoint_id: str = msgspec.field(default="", name="EndpointID")
    gateway: str = ""
    ip_address: str = msgspec.field(default="", name="IPAddress")
    ip_prefix_len: int = msgspec.field(default=0, name="IPPrefixLen")
    ipv6_gateway: str = msgspec.field(default="", name="IPv6Gateway")
    global_ipv6_address: str = msgspec.field(default="", name="GlobalIPv6Address")
    global_ipv6_prefix_len: int = msgspec.field(default=0, name="GlobalIPv6PrefixLen")
    dns_names: list[str] | msgspec.UnsetType | None = msgspec.field(default=None, name="DNSNames")


class NetworkingConfig(Body, kw_only=True):
    """The networks a container joins at create, by name."""

    endpoints_config: dict[str, EndpointSettings] = {}


class IPAMPool(Body, kw_only=True, omit_defaults=True):
    """One subnet of a network."""

    subnet: str = ""
    ip_range: str = msgspec.field(default="", name="IPRange")
    gateway: str = ""
    auxiliary_addresses: dict[str, str] = {}


class IPAM(Body, kw_only=True):
    """Address management of a network. ``config`` is null where there are no subnets, as in Docker."""

    driver: str = "default"
    options: dict[str, str] | None = None
    config: list[IPAMPool] | None = None


class NetworkContainer(Body, kw_only=True):
    """A running endpoint as network inspect shows it; addresses with their prefix length."""

    name: str
    endpoint_id: str = msgspec.field(name="EndpointID")
    mac_address: str
    ipv4_address: str = msgspec.field(name="IPv4Address")
    ipv6_address: str = msgspec.field(name="IPv6Address")


class ConfigReference(Body, kw_only=True):
    """The network whose configuration this one takes."""

    network: str = ""


class Network(Body, kw_only=True):
    """A network as inspect and list show it."""

    name: str
    id: str
    created: str
    scope: str
    driver: str
    enable_i_pv4: bool = msgspec.field(default=True, name="EnableIPv4")
    enable_i_pv6: bool = msgspec.field(name="EnableIPv6")
    ipam: IPAM = msgspec.field(name="IPAM")
    internal: bool
    attachable: bool
    ingress: bool
    config_from: ConfigReference
    config_only: bool
    containers: dict[str, NetworkContainer]
    options: dict[str, str]
    labels: dict[str, str]


class NetworkCreate(Body, kw_only=True):
    """The body of ``POST /networks/create``. ``check_duplicate`` means nothing: names are unique."""

    name: str = ""
    driver: str = ""
    scope: str = ""
    enable_ipv4: bool | None = msgspec.field(default=None, name="EnableIPv4")
    enable_ipv6: bool | None = msgspec.field(default=None, name="EnableIPv6")
    ipam: IPAM = msgspec.field(default_factory=IPAM, name="IPAM")
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    config_only: bool = False
    config_from: ConfigReference = msgspec.field(default_factory=ConfigReference)
    options: dict[str, str] = {}
    labels: dict[str, str] = {}


class NetworkCreated(Body, kw_only=True):
    """The answer to create."""

    id: str
    warning: str = ""


class NetworkConnect(Body, kw_only=True):
    """The body of ``POST /networks/{id}/connect``."""

    container: str = ""
    endpoint_config: EndpointSettings = msgspec.field(default_factory=EndpointSettings)


class NetworkDisconnect(Body, kw_only=True):
    """The body of ``POST /networks/{id}/disconnect``."""

    container: str = ""
    force: bool = False
