"""The Go types behind Docker's ``inspect``, so that templates see what Docker's templates see.

JSON alone does not say what a missing ``Health`` or a ``null`` ``Entrypoint`` is: here it is a nil pointer,
which ``if`` takes for false, or an empty list. From docker/cli 28.2's api/types; fields in the order of
their declaration, embedded structs in place, and ``=Name`` where JSON spells a field differently.

    string int bool time duration any    themselves      Name    a struct of this table
    [T]  a slice    {T}  a map from strings    *T  a pointer
"""

from __future__ import annotations

from scow.cli.templates.values import NilMap, NilPointer, NilSlice, Shown, Strings, Struct, TypedMap
from scow.spec.go_duration import format_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Maker = Callable[[object], object]

_DECLARATIONS = """
container.InspectResponse ID=Id:string Created:string Path:string Args:[string] State:*container.State
 Image:string ResolvConfPath:string HostnamePath:string HostsPath:string LogPath:string Name:string
 RestartCount:int Driver:string Platform:string MountLabel:string ProcessLabel:string AppArmorProfile:string
 ExecIDs:[string] HostConfig:*container.HostConfig GraphDriver:storage.DriverData SizeRw:*int64
 SizeRootFs:*int64 Mounts:[container.MountPoint] Config:*container.Config
 NetworkSettings:*container.NetworkSettings ImageManifestDescriptor:*v1.Descriptor
container.State Status:string Running:bool Paused:bool Restarting:bool OOMKilled:bool Dead:bool Pid:int
 ExitCode:int Error:string StartedAt:string FinishedAt:string Health:*container.Health
container.Health Status:string FailingStreak:int Log:[*container.HealthcheckResult]
container.HealthcheckResult Start:time End:time ExitCode:int Output:string
container.MountPoint Type:string Name:string Source:string Destination:string Driver:string Mode:string
 RW:bool Propagation:string
container.Config Hostname:string Domainname:string User:string AttachStdin:bool AttachStdout:bool
 AttachStderr:bool ExposedPorts:{struct} Tty:bool OpenStdin:bool StdinOnce:bool Env:[string] Cmd:[string]
 Healthcheck:*v1.HealthcheckConfig ArgsEscaped:bool Image:string Volumes:{struct} WorkingDir:string
 Entrypoint:[string] NetworkDisabled:bool MacAddress:string OnBuild:[string] Labels:{string} StopSignal:string
 StopTimeout:*int Shell:[string]
v1.HealthcheckConfig Test:[string] Interval:duration Timeout:duration StartPeriod:duration
 StartInterval:duration Retries:int
container.HostConfig Binds:[string] ContainerIDFile:string LogConfig:container.LogConfig NetworkMode:string
 PortBindings:{[nat.PortBinding]} RestartPolicy:container.RestartPolicy AutoRemove:bool VolumeDriver:string
 VolumesFrom:[string] ConsoleSize:[int] Annotations:{string} CapAdd:[string] CapDrop:[string]
 CgroupnsMode:string DNS=Dns:[string] DNSOptions=DnsOptions:[string] DNSSearch=DnsSearch:[string]
 ExtraHosts:[string] GroupAdd:[string] IpcMode:string Cgroup:string Links:[string] OomScoreAdj:int
 PidMode:string Privileged:bool PublishAllPorts:bool ReadonlyRootfs:bool SecurityOpt:[string]
 StorageOpt:{string} Tmpfs:{string} UTSMode:string UsernsMode:string ShmSize:int Sysctls:{string}
 Runtime:string Isolation:string CPUShares=CpuShares:int Memory:int NanoCPUs=NanoCpus:int CgroupParent:string
 BlkioWeight:int BlkioWeightDevice:[*blkiodev.WeightDevice] BlkioDeviceReadBps:[*blkiodev.ThrottleDevice]
 BlkioDeviceWriteBps:[*blkiodev.ThrottleDevice] BlkioDeviceReadIOps:[*blkiodev.ThrottleDevice]
 BlkioDeviceWriteIOps:[*blkiodev.ThrottleDevice] CPUPeriod=CpuPeriod:int CPUQuota=CpuQuota:int
 CPURealtimePeriod=CpuRealtimePeriod:int CPURealtimeRuntime=CpuRealtimeRuntime:int CpusetCpus:string
 CpusetMems:string Devices:[container.DeviceMapping] DeviceCgroupRules:[string]
 DeviceRequests:[container.DeviceRequest] KernelMemory:int KernelMemoryTCP:int MemoryReservation:int
 MemorySwap:int MemorySwappiness:*int64 OomKillDisable:*bool PidsLimit:*int64 Ulimits:[*units.Ulimit]
 CPUCount=CpuCount:int CPUPercent=CpuPercent:int IOMaximumIOps:int IOMaximumBandwidth:int
 Mounts:[mount.Mount] MaskedPaths:[string] ReadonlyPaths:[string] Init:*bool
container.LogConfig Type:string Config:{string}
container.RestartPolicy Name:string MaximumRetryCount:int
container.DeviceMapping PathOnHost:string PathInContainer:string CgroupPermissions:string
container.DeviceRequest Driver:string Count:int DeviceIDs:[string] Capabilities:[[string]] Options:{string}
blkiodev.WeightDevice Path:string Weight:int
blkiodev.ThrottleDevice Path:string Rate:int
units.Ulimit Name:string Hard:int Soft:int
nat.PortBinding HostIP=HostIp:string HostPort:string
mount.Mount Type:string Source:string Target:string ReadOnly:bool Consistency:string
 BindOptions:*mount.BindOptions VolumeOptions:*mount.VolumeOptions ImageOptions:*mount.ImageOptions
 TmpfsOptions:*mount.TmpfsOptions ClusterOptions:*mount.ClusterOptions
mount.BindOptions Propagation:string NonRecursive:bool CreateMountpoint:bool ReadOnlyNonRecursive:bool
 ReadOnlyForceRecursive:bool
mount.VolumeOptions NoCopy:bool Labels:{string} Subpath:string DriverConfig:*mount.Driver
mount.Driver Name:string Options:{string}
mount.ImageOptions Subpath:string
mount.TmpfsOptions SizeBytes:int Mode:int Options:[[string]]
mount.ClusterOptions
container.NetworkSettings Bridge:string SandboxID:string SandboxKey:string Ports:{[nat.PortBinding]}
 HairpinMode:bool LinkLocalIPv6Address:string LinkLocalIPv6PrefixLen:int
 SecondaryIPAddresses:[network.Address] SecondaryIPv6Addresses:[network.Address] EndpointID:string
 Gateway:string GlobalIPv6Address:string GlobalIPv6PrefixLen:int IPAddress:string IPPrefixLen:int
 IPv6Gateway:string MacAddress:string Networks:{*network.EndpointSettings}
network.Address Addr:string PrefixLen:int
network.EndpointSettings IPAMConfig:*network.EndpointIPAMConfig Links:[string] Aliases:[string]
 MacAddress:string DriverOpts:{string} GwPriority:int NetworkID:string EndpointID:string Gateway:string
 IPAddress:string IPPrefixLen:int IPv6Gateway:string GlobalIPv6Address:string GlobalIPv6PrefixLen:int
 DNSNames:[string]
network.EndpointIPAMConfig IPv4Address:string IPv6Address:string LinkLocalIPs:[string]
storage.DriverData Data:{string} Name:string
v1.Descriptor MediaType=mediaType:string Digest=digest:string Size=size:int URLs=urls:[string]
 Annotations=annotations:{string} Data=data:any Platform=platform:*v1.Platform
 ArtifactType=artifactType:string
v1.Platform Architecture=architecture:string OS=os:string OSVersion=os.version:string
 OSFeatures=os.features:[string] Variant=variant:string
image.InspectResponse ID=Id:string RepoTags:[string] RepoDigests:[string] Parent:string Comment:string
 Created:string Container:string ContainerConfig:*container.Config DockerVersion:string Author:string
 Config:*v1.DockerOCIImageConfig Architecture:string Variant:string Os:string OsVersion:string Size:int
 VirtualSize:int GraphDriver:storage.DriverData RootFS:image.RootFS Metadata:image.Metadata
 Descriptor:*v1.Descriptor Manifests:any
v1.DockerOCIImageConfig User:string ExposedPorts:{struct} Env:[string] Entrypoint:[string] Cmd:[string]
 Volumes:{struct} WorkingDir:string Labels:{string} StopSignal:string ArgsEscaped:bool
 Healthcheck:*v1.HealthcheckConfig OnBuild:[string] Shell:[string]
image.RootFS Type:string Layers:[string]
image.Metadata LastTagTime:time
network.Inspect Name:string ID=Id:string Created:time Scope:string Driver:string EnableIPv4:bool
 EnableIPv6:bool IPAM:network.IPAM Internal:bool Attachable:bool Ingress:bool
 ConfigFrom:network.ConfigReference ConfigOnly:bool Containers:{network.EndpointResource} Options:{string}
 Labels:{string} Peers:[network.PeerInfo] Services:{network.ServiceInfo}
network.IPAM Driver:string Options:{string} Config:[network.IPAMConfig]
network.IPAMConfig Subnet:string IPRange:string Gateway:string AuxAddress=AuxiliaryAddresses:{string}
network.ConfigReference Network:string
network.EndpointResource Name:string EndpointID:string MacAddress:string IPv4Address:string
 IPv6Address:string
network.PeerInfo Name:string IP:string
network.ServiceInfo VIP:string Ports:[string] LocalLBIndex:int Tasks:any
volume.Volume ClusterVolume:any CreatedAt:string Driver:string Labels:{string} Mountpoint:string Name:string
 Options:{string} Scope:string Status:{any} UsageData:*volume.UsageData
volume.UsageData RefCount:int Size:int
events.Message Status=status:string ID=id:string From=from:string Type:string Action:string
 Actor:events.Actor Scope=scope:string Time=time:int TimeNano=timeNano:int
context.contextWithTLSListing Name:string Metadata:command.DockerContext Endpoints:{docker.EndpointMeta}
 TLSMaterial:{[string]} Storage:store.StorageInfo
command.DockerContext Description:string AdditionalFields:{any}
docker.EndpointMeta Host:string SkipTLSVerify:bool
store.StorageInfo MetadataPath:string TLSPath:string
events.Actor ID:string Attributes:{string}
system.versionInfo Client:system.clientVersion Server:*types.Version
system.clientVersion Platform:*system.platformInfo Version:string APIVersion=ApiVersion:string
 DefaultAPIVersion:string GitCommit:string GoVersion:string Os:string Arch:string BuildTime:string
 Context:string
system.platformInfo Name:string
types.Version Platform:system.platformInfo Components:[types.ComponentVersion] Version:string
 APIVersion=ApiVersion:string MinAPIVersion:string GitCommit:string GoVersion:string Os:string Arch:string
 KernelVersion:string Experimental:bool BuildTime:string
types.ComponentVersion Name:string Version:string Details:{string}
system.dockerInfo ID:string Containers:int ContainersRunning:int ContainersPaused:int ContainersStopped:int
 Images:int Driver:string DriverStatus:any SystemStatus:any Plugins:system.PluginsInfo MemoryLimit:bool
 SwapLimit:bool KernelMemory:bool KernelMemoryTCP:bool CPUCfsPeriod=CpuCfsPeriod:bool
 CPUCfsQuota=CpuCfsQuota:bool CPUShares:bool CPUSet:bool PidsLimit:bool IPv4Forwarding:bool Debug:bool
 NFd:int OomKillDisable:bool NGoroutines:int SystemTime:string LoggingDriver:string CgroupDriver:string
 CgroupVersion:string NEventsListener:int KernelVersion:string OperatingSystem:string OSVersion:string
 OSType:string Architecture:string IndexServerAddress:string RegistryConfig:any NCPU:int MemTotal:int
 GenericResources:any DockerRootDir:string HTTPProxy=HttpProxy:string HTTPSProxy=HttpsProxy:string
 NoProxy:string Name:string Labels:[string] ExperimentalBuild:bool ServerVersion:string Runtimes:{any}
 DefaultRuntime:string Swarm:swarm.Info LiveRestoreEnabled:bool Isolation:string InitBinary:string
 ContainerdCommit:system.Commit RuncCommit:system.Commit InitCommit:system.Commit SecurityOptions:[string]
 ProductLicense:string DefaultAddressPools:any FirewallBackend:any CDISpecDirs:[string]
 DiscoveredDevices:any Containerd:any Warnings:[string] ServerErrors:[string]
 ClientInfo:*system.clientInfo ClientErrors:[string]
system.PluginsInfo Volume:[string] Network:[string] Authorization:[string] Log:[string]
system.Commit ID:string Expected:string
swarm.Info NodeID:string NodeAddr:string LocalNodeState:string ControlAvailable:bool Error:string
 RemoteManagers:any Nodes:int Managers:int Cluster:any Warnings:[string]
system.clientInfo Debug:bool Platform:*system.platformInfo Version:string APIVersion=ApiVersion:string
 DefaultAPIVersion:string GitCommit:string GoVersion:string Os:string Arch:string BuildTime:string
 Context:string Plugins:any Warnings:[string]
struct
"""

_TOP = {
    "container": "container.InspectResponse",
    "context": "context.contextWithTLSListing",
    "event": "events.Message",
    "image": "image.InspectResponse",
    "info": "system.dockerInfo",
    "network": "network.Inspect",
    "version": "system.versionInfo",
    "volume": "volume.Volume",
}
# Go leaves empty members of these out when it writes JSON.
_OMITTING = frozenset({"v1.DockerOCIImageConfig", "command.DockerContext"})
_ZEROS: dict[str, object] = {"string": "", "int": 0, "int64": 0, "bool": False}
_ZERO_TIME = "0001-01-01T00:00:00Z"

_structs: dict[str, dict[str, tuple[str, Maker]]] = {}


def inspect_value(kind: str, raw: dict[str, object]) -> Struct:
    """``raw``, the JSON of one of the kinds in ``_TOP``, as a value for templates."""
    if not _structs:
        _declare()
    return _make_struct(_TOP[kind], raw)


def _declare() -> None:
    for line in _DECLARATIONS.replace("\n ", " ").split("\n"):
        name, *fields = line.split() or [""]
        declared: dict[str, tuple[str, Maker]] = {}
        for field in fields:
            names, _, spelling = field.partition(":")
            go_name, _, json_name = names.partition("=")
            declared[go_name] = (json_name or go_name, _maker(spelling))
        _structs[name] = declared


def _make_struct(name: str, value: object) -> Struct:
    raw = value if isinstance(value, dict) else {}
    if name in _OMITTING:
        raw = {key: member for key, member in raw.items() if member not in (None, False, "", [], {})}
    return Struct(name, raw, _structs[name])


def _maker(spelling: str) -> Maker:
    """How to make a value of the type that is spelt so from its JSON."""
    match spelling[0]:
        case "*":
            return _pointer_maker(spelling)
        case "[":
            return _slice_maker(spelling[1:-1])
        case "{":
            return _map_maker(spelling[1:-1])
    if spelling in _ZEROS:
        zero = _ZEROS[spelling]
        return lambda value: zero if value is None else value
    if spelling == "any":
        return lambda value: value
    if spelling == "time":
        return _time
    if spelling == "duration":
        return _duration
    return lambda value: _make_struct(spelling, value)


def _pointer_maker(spelling: str) -> Maker:
    element = _maker(spelling[1:])
    return lambda value: NilPointer(spelling) if value is None else element(value)


def _slice_maker(spelling: str) -> Maker:
    element = _maker(spelling)

    def make(value: object) -> object:
        if not isinstance(value, list):
            return NilSlice()
        return Strings(value) if spelling == "string" else [element(item) for item in value]

    return make


def _map_maker(spelling: str) -> Maker:
    element = _maker(spelling)
    go_type = f"map[string]{spelling}"

    def make(value: object) -> object:
        if not isinstance(value, dict):
            return NilMap({}, go_type, element(None))
        return TypedMap({key: element(item) for key, item in value.items()}, go_type, element(None))

    return make


def _duration(value: object) -> object:
    number = value if isinstance(value, int) else 0
    return Shown("time.Duration", format_duration(number), number)


def _time(value: object) -> object:
    """time.Time prints as ``2024-05-01 12:00:00.5 +0000 UTC``."""
    text = value if isinstance(value, str) else _ZERO_TIME
    date, _, rest = text.partition("T")
    place = next((at for at, char in enumerate(rest) if char in "Z+-"), len(rest))
    clock, zone = rest[:place], rest[place:].replace(":", "")
    if "." in clock:
        clock = clock.rstrip("0").rstrip(".")
    return Shown(
        "time.Time", f"{date} {clock} {'+0000 UTC' if zone in ('', 'Z') else f'{zone} {zone}'}", text
    )
