"""The table of settings: name, kind, default, and whether scow can honour it.

Names, letters and defaults are dockerd's but for the places, which are scow's own. ``only`` lists the values
that this version can honour where that is not all of them; any other is refused by name.
"""

from dataclasses import dataclass
from typing import Any

from scow.config import values
from scow.config.settings import DEFAULT_BRIDGE
from scow.config.values import Kind

CONFIG_FILE = "/etc/scow/daemon.json"


@dataclass(frozen=True, slots=True)
class Option:
    """One setting. ``flag`` "": only in the file. ``key`` is its name in daemon.json, if it is another."""

    flag: str
    kind: Kind
    help: str
    default: Any = None
    key: str = ""
    short: str = ""
    only: tuple[Any, ...] | None = None

    @property
    def name(self) -> str:
        """Its name in daemon.json, which messages use."""
        return self.key or self.flag


def _text(flag: str, help: str, default: str = "", **more: Any) -> Option:
    return Option(flag, values.TEXT, help, default, **more)


def _switch(flag: str, help: str, default: bool = False, **more: Any) -> Option:
    return Option(flag, values.SWITCH, help, default, **more)


def _number(flag: str, help: str, default: int = 0, **more: Any) -> Option:
    return Option(flag, values.NUMBER, help, default, **more)


def _list(flag: str, key: str, help: str, **more: Any) -> Option:
    return Option(flag, values.LIST, help, [], key, **more)


_ENGINE = (
    _text("data-root", "Root directory of persistent state", "/var/lib/scow"),
    _text("exec-root", "Root directory for execution state files", "/run/scow"),
    _list("host", "hosts", "Daemon socket(s) to listen on (unix://, tcp://, fd://)", short="H"),
    _text("pidfile", "Path to use for daemon PID file (default scowd.pid in exec-root)", short="p"),
    _text("group", "Group for the unix socket", "docker", short="G"),
    Option("idle-exit", values.DURATION, "Leave after this time idle with no container running", 0.0),
    _switch("debug", "Enable debug mode", short="D"),
    _text("log-level", 'Set the logging level ("debug"|"info"|"warn"|"error"|"fatal")', "info", short="l"),
    _text("log-format", 'Set the logging format ("text")', "text", only=("text",)),
    _switch("raw-logs", "Full timestamps without ANSI coloring (always so)"),
    _switch("tls", "Use TLS; implied by --tlsverify"),
    _switch("tlsverify", "Use TLS and verify the remote"),
    _text("tlscacert", "Trust certs signed only by this CA"),
    _text("tlscert", "Path to TLS certificate file"),
    _text("tlskey", "Path to TLS key file"),
    _list("label", "labels", "Set key=value labels to the daemon"),
    _switch("experimental", "Enable experimental features"),
    Option("feature", values.FEATURES, "Enable feature in the daemon", {}, "features"),
    _switch("live-restore", "Keep containers running while the daemon is down (always so)", True),
    _number("shutdown-timeout", "Set the default shutdown timeout in seconds (containers keep running)", 15),
    _text("storage-driver", "Storage driver to use", short="s"),
    _list("storage-opt", "storage-opts", "Storage driver options"),
    _list("exec-opt", "exec-opts", "Runtime execution options"),
    Option("", values.ANYTHING, "", {}, "builder"),
)

_CONTAINERS = (
    Option("add-runtime", values.RUNTIMES, "Register an additional OCI runtime", {}, "runtimes"),
    _text("default-runtime", "Default OCI runtime for containers (crun where it runs, else runc)"),
    _text("cgroup-parent", "Set parent cgroup for all containers"),
    _switch("init", "Run an init in the container to forward signals and reap processes"),
    _text("init-path", "Path to the init binary"),
    _switch("no-new-privileges", "Set no-new-privileges by default for new containers"),
    _text("seccomp-profile", 'Path to seccomp profile, or "unconfined" for none', "builtin"),
    Option("default-ulimit", values.ULIMITS, "Default ulimits for containers", {}, "default-ulimits"),
    Option("default-shm-size", values.SIZE, "Default shm size for containers", 64 * 1024 * 1024),
    _text("default-ipc-mode", 'Default mode for containers ipc ("shareable" | "private")', "private"),
    _text("default-cgroupns-mode", 'Default mode for containers cgroup namespace ("host" | "private")'),
    _number("default-stop-timeout", "Set the default container stop timeout in seconds", 10),
    _text("log-driver", "Default driver for container logs", "json-file"),
    Option("log-opt", values.MAP, "Default log driver options for containers", {}, "log-opts"),
)

_NETWORK = (
    _text(
        "bridge",
        'Device of the default bridge network, "none" for no such network',
        DEFAULT_BRIDGE,
        short="b",
    ),
    _text("bip", "IPv4 address for the default bridge"),
    _text("bip6", "IPv6 address for the default bridge"),
    _text("fixed-cidr", "IPv4 subnet for the default bridge network"),
    _text("fixed-cidr-v6", "IPv6 subnet for the default bridge network"),
    Option(
        "default-gateway", values.ADDRESS, "Default gateway IPv4 address for the default bridge network", ""
    ),
    Option(
        "default-gateway-v6",
        values.ADDRESS,
        "Default gateway IPv6 address for the default bridge network",
        "",
    ),
    _switch("ipv6", "Enable IPv6 networking for the default bridge network"),
    _number("mtu", 'Set the MTU for the default "bridge" network', 1500),
    Option("ip", values.ADDRESS, "Host IP for port publishing from the default bridge", "0.0.0.0"),
    _switch("icc", "Enable inter-container communication for the default bridge network", True),
    _switch("ip-forward", "Enable IP forwarding in system configuration", True),
    _switch("ip-forward-no-drop", "Do not set the filter-FORWARD policy to DROP (never done)", True),
    _switch("ip-masq", "Enable IP masquerading for the default bridge network", True),
    _switch("iptables", "Enable addition of firewall rules", True),
    _switch("ip6tables", "Enable addition of IPv6 firewall rules", True),
    _text("firewall-backend", 'Firewall backend to use ("nftables")', only=("", "nftables")),
    _switch("userland-proxy", "Use userland proxy for loopback traffic, here one relay for all ports", True),
    _switch("allow-direct-routing", "Allow remote access to published ports on container addresses"),
    _text("bridge-accept-fwmark", "Accept packets with this firewall mark[/mask] in bridge networks"),
    Option(
        "default-address-pool",
        values.POOLS,
        "Default address pools for node specific local networks",
        [],
        "default-address-pools",
    ),
    Option(
        "default-network-opt",
        values.OPTIONS_BY_DRIVER,
        "Default options of networks by driver, as driver=key=value",
        {},
        "default-network-opts",
    ),
    Option(
        "host-gateway-ip",
        values.ADDRESSES,
        "IP addresses that 'host-gateway' of --add-host stands for (default those of the default bridge)",
        [],
        "host-gateway-ips",
    ),
    # Of before Docker 28, in the file only.
    Option("", values.ADDRESS, "", "", "host-gateway-ip"),
    Option("dns", values.ADDRESSES, "DNS server to use", []),
    _list("dns-opt", "dns-opts", "DNS options to use"),
    _list("dns-search", "", "DNS search domains to use"),
)

_REGISTRY = (
    _list("registry-mirror", "registry-mirrors", "Preferred registry mirror"),
    _list("insecure-registry", "insecure-registries", "Enable insecure registry communication"),
    _number("max-concurrent-downloads", "Set the max concurrent downloads", 3),
    _number("max-concurrent-uploads", "Set the max concurrent uploads", 5),
    _number("max-download-attempts", "Set the max download attempts for each pull", 5),
    _text("http-proxy", "HTTP proxy URL to use for outgoing traffic"),
    _text("https-proxy", "HTTPS proxy URL to use for outgoing traffic"),
    _text("no-proxy", "Hosts or IP addresses for which the proxy is skipped"),
)


def _refused(option: Option) -> Option:
    return Option(
        option.flag,
        option.kind,
        option.help,
        option.default,
        option.key,
        option.short,
        only=(option.default,),
    )


# dockerd's, which this version cannot honour: any value but the default is an error.
_NOT_YET = tuple(
    _refused(option)
    for option in (
        _text("userns-remap", "User/Group setting for user namespaces"),
        _switch("selinux-enabled", "Enable selinux support"),
        _switch("rootless", "Enable rootless mode"),
        _list("authorization-plugin", "authorization-plugins", "Authorization plugins to load"),
        _text("metrics-addr", "Set address and port to serve the metrics api on"),
        _text("containerd", "containerd grpc address"),
        _text("containerd-namespace", "Containerd namespace to use"),
        _text("containerd-plugins-namespace", "Containerd namespace to use for plugins"),
        _switch("cri-containerd", "start containerd with cri"),
        _list("cdi-spec-dir", "cdi-spec-dirs", "CDI specification directories to use"),
        _number("cpu-rt-period", "Limit the CPU real-time period for all containers"),
        _number("cpu-rt-runtime", "Limit the CPU real-time runtime for all containers"),
        _text("userland-proxy-path", "Path to the userland proxy binary"),
        _number("network-control-plane-mtu", "Network Control plane MTU", 1500),
        _number("network-diagnostic-port", "TCP port number of the network diagnostic server"),
        _text("swarm-default-advertise-addr", "Set default address for swarm advertised address"),
        _number("swarm-raft-heartbeat-tick", "Ticks between swarm heartbeats"),
        _number("swarm-raft-election-tick", "Ticks before a swarm election"),
        _list("node-generic-resource", "node-generic-resources", "Advertise user-defined resource"),
        Option("", values.ANYTHING, "", {}, "nri-opts"),
        _text("", "", key="min-api-version"),
    )
)

OPTIONS: tuple[Option, ...] = (*_ENGINE, *_CONTAINERS, *_NETWORK, *_REGISTRY, *_NOT_YET)
BY_FLAG = {option.flag: option for option in OPTIONS if option.flag}
BY_SHORT = {option.short: option for option in OPTIONS if option.short}
BY_KEY = {option.name: option for option in OPTIONS}
