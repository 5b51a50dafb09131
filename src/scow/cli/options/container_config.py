"""The body of ``POST /containers/create`` from the options of ``run`` and ``create``.

Members that Go writes as null, as an empty list or not at all are so here too, because engines tell them
apart.
"""

from scow.api.client.client import version_key
from scow.cli.options import networks, policies, ports, security
from scow.cli.options.addresses import check_mac
from scow.cli.options.devices import split_devices
from scow.cli.options.environment import environment, labels, last_of_each_name
from scow.cli.options.ulimits import unique_ulimits
from scow.cli.options.volumes import binds_and_volumes
from scow.errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from scow.cli.flags import Flags

    Body = dict[str, Any]

_NO_POLICIES = ("", "no")


def create_body(flags: "Flags", environ: "Mapping[str, str]", proxy_environment: dict[str, str]) -> "Body":
    """The whole body; ``flags.arguments`` are the image and its command. Raises InvalidArgumentError."""
    if flags["mac-address"]:
        check_mac(flags["mac-address"])
    if not -1 <= flags["memory-swappiness"] <= 100:
        raise InvalidArgumentError(
            f"invalid value: {flags['memory-swappiness']}. Valid memory swappiness range is 0-100"
        )
    binds, volumes = binds_and_volumes(flags["volume"])
    exposed, bindings = ports.publish(flags["publish"], flags["expose"])
    config = _config(flags, environ, proxy_environment)
    config["Volumes"] = volumes
    if exposed:
        config["ExposedPorts"] = exposed
    host_config = _host_config(flags)
    host_config["Binds"] = binds or None
    host_config["PortBindings"] = bindings
    endpoints = networks.endpoints(flags["network"], flags)
    _note_main_mac(config, host_config["NetworkMode"], endpoints)
    return {**config, "HostConfig": host_config, "NetworkingConfig": {"EndpointsConfig": endpoints}}


def check_version(body: "Body", version: str) -> None:
    """Refuse what the engine is too old for. Raises InvalidArgumentError with Docker's message."""
    if version_key(version) >= (1, 44):
        return
    endpoints = body["NetworkingConfig"]["EndpointsConfig"].values()
    if any(settings["MacAddress"] for settings in endpoints):
        raise InvalidArgumentError(
            '"specify mac-address per network" requires API version 1.44, '
            f"but the Docker daemon API version is {version}"
        )
    for mount in body["HostConfig"].get("Mounts", ()):
        if mount.get("BindOptions", {}).get("ReadOnlyForceRecursive"):
            raise InvalidArgumentError("bind-recursive=readonly requires API v1.44 or later")


def adapt_to_version(body: "Body", version: tuple[int, ...]) -> None:
    """Take out what the engine's API version has elsewhere, as Docker's client does."""
    if version >= (1, 44):
        body.pop("MacAddress", None)
    if version >= (1, 42) or version < (1, 40):
        body["HostConfig"].pop("KernelMemory", None)


def detach(body: "Body") -> None:
    """Attach to nothing: ``run --detach``."""
    body.update(AttachStdin=False, AttachStdout=False, AttachStderr=False, StdinOnce=False)


def _config(flags: "Flags", environ: "Mapping[str, str]", proxy_environment: dict[str, str]) -> "Body":
    image, *command = flags.arguments
    attach = flags["attach"]
    attach_stdin = flags["interactive"] or "stdin" in attach
    config: Body = {
        "Hostname": flags["hostname"],
        "Domainname": flags["domainname"],
        "User": flags["user"],
        "AttachStdin": attach_stdin,
        "AttachStdout": not attach or "stdout" in attach,
        "AttachStderr": not attach or "stderr" in attach,
        "Tty": flags["tty"],
        "OpenStdin": flags["interactive"],
        "StdinOnce": flags["interactive"] and attach_stdin,
        "Env": _environment(flags, environ, proxy_environment) or None,
        "Cmd": command or None,
        "Image": image,
        "WorkingDir": flags["workdir"],
        # --entrypoint= with nothing behind it takes the image's away
        "Entrypoint": [flags["entrypoint"]] if "entrypoint" in flags.changed else None,
        "OnBuild": None,
        "Labels": labels(flags["label-file"], flags["label"]),
    }
    optional = {
        "Healthcheck": policies.health_check(flags),
        "StopSignal": flags["stop-signal"] or None,
        "StopTimeout": flags["stop-timeout"] if "stop-timeout" in flags.changed else None,
        "MacAddress": flags["mac-address"] or None,
    }
    config.update((key, value) for key, value in optional.items() if value is not None)
    return config


def _environment(
    flags: "Flags", environ: "Mapping[str, str]", proxy_environment: dict[str, str]
) -> list[str]:
    given = last_of_each_name(environment((), flags["env"], environ))
    names = {text.partition("=")[0] for text in given}
    proxies = [f"{name}={value}" for name, value in proxy_environment.items() if name not in names]
    return environment(flags["env-file"], [*given, *proxies], environ)


def _host_config(flags: "Flags") -> "Body":
    policies.check_namespace_modes(flags)
    restart = policies.restart_policy(flags["restart"])
    log = policies.log_config(flags["log-driver"], flags["log-opt"])
    options, unconfined_paths = security.security_options(flags["security-opt"])
    storage = policies.storage_options(flags["storage-opt"])
    if flags["rm"] and restart["Name"] not in _NO_POLICIES:
        raise InvalidArgumentError("conflicting options: cannot specify both --restart and --rm")
    body: Body = {
        "ContainerIDFile": flags["cidfile"],
        "LogConfig": log,
        "NetworkMode": networks.network_mode(flags["network"]),
        "RestartPolicy": restart,
        "AutoRemove": flags["rm"],
        "VolumeDriver": flags["volume-driver"],
        "VolumesFrom": flags["volumes-from"] or None,
        "ConsoleSize": [0, 0],
        "CapAdd": security.capabilities(flags["cap-add"]),
        "CapDrop": security.capabilities(flags["cap-drop"]),
        "CgroupnsMode": flags["cgroupns"],
        "Dns": flags["dns"],
        "DnsOptions": flags["dns-option"],
        "DnsSearch": flags["dns-search"],
        "ExtraHosts": flags["add-host"] or None,
        "GroupAdd": flags["group-add"] or None,
        "IpcMode": flags["ipc"],
        "Cgroup": "",
        "Links": flags["link"] or None,
        "OomScoreAdj": flags["oom-score-adj"],
        "PidMode": flags["pid"],
        "Privileged": flags["privileged"],
        "PublishAllPorts": flags["publish-all"],
        "ReadonlyRootfs": flags["read-only"],
        "SecurityOpt": options,
        "UTSMode": flags["uts"],
        "UsernsMode": flags["userns"],
        "ShmSize": flags["shm-size"],
        "Isolation": flags["isolation"],
        "MaskedPaths": [] if unconfined_paths else None,
        "ReadonlyPaths": [] if unconfined_paths else None,
        **_resources(flags),
    }
    return body | _optional(flags, storage)


def _optional(flags: "Flags", storage: dict[str, str]) -> "Body":
    """Members that are left out of the body when nothing was said of them."""
    values = {
        "Annotations": flags["annotation"],
        "StorageOpt": storage,
        "Tmpfs": {path: options for path, _, options in (text.partition(":") for text in flags["tmpfs"])},
        "Sysctls": flags["sysctl"],
        "Runtime": flags["runtime"],
        "Mounts": flags["mount"],
    }
    body: Body = {key: value for key, value in values.items() if value}
    if "init" in flags.changed:
        body["Init"] = flags["init"]
    return body


def _resources(flags: "Flags") -> "Body":
    devices, cdi_names = split_devices(flags["device"])
    requests = flags["gpus"]
    if cdi_names:
        requests = [*requests, _cdi_request(cdi_names)]
    body: Body = {
        "CpuShares": flags["cpu-shares"],
        "Memory": flags["memory"],
        "NanoCpus": flags["cpus"],
        "CgroupParent": flags["cgroup-parent"],
        "BlkioWeight": flags["blkio-weight"],
        "BlkioWeightDevice": flags["blkio-weight-device"],
        "BlkioDeviceReadBps": flags["device-read-bps"],
        "BlkioDeviceWriteBps": flags["device-write-bps"],
        "BlkioDeviceReadIOps": flags["device-read-iops"],
        "BlkioDeviceWriteIOps": flags["device-write-iops"],
        "CpuPeriod": flags["cpu-period"],
        "CpuQuota": flags["cpu-quota"],
        "CpuRealtimePeriod": flags["cpu-rt-period"],
        "CpuRealtimeRuntime": flags["cpu-rt-runtime"],
        "CpusetCpus": flags["cpuset-cpus"],
        "CpusetMems": flags["cpuset-mems"],
        "Devices": devices,
        "DeviceCgroupRules": flags["device-cgroup-rule"] or None,
        "DeviceRequests": requests or None,
        "MemoryReservation": flags["memory-reservation"],
        "MemorySwap": flags["memory-swap"],
        "MemorySwappiness": flags["memory-swappiness"],
        "OomKillDisable": flags["oom-kill-disable"],
        "PidsLimit": flags["pids-limit"],
        "Ulimits": unique_ulimits(flags["ulimit"]),
        "CpuCount": flags["cpu-count"],
        "CpuPercent": flags["cpu-percent"],
        "IOMaximumIOps": flags["io-maxiops"],
        "IOMaximumBandwidth": flags["io-maxbandwidth"],
    }
    if flags["kernel-memory"]:
        body["KernelMemory"] = flags["kernel-memory"]
    return body


def _cdi_request(names: list[str]) -> "Body":
    return {"Driver": "cdi", "Count": 0, "DeviceIDs": names, "Capabilities": None, "Options": None}


def _note_main_mac(config: "Body", mode: str, endpoints: "dict[str, Any]") -> None:
    """Engines before API 1.44 take the address of the main endpoint from the container's own settings."""
    main = endpoints.get("container" if mode.startswith("container:") else mode)
    if main is not None:
        config.pop("MacAddress", None)
        if main["MacAddress"]:
            config["MacAddress"] = main["MacAddress"]
