"""A build by the classic builder: what ``DOCKER_BUILDKIT=0`` asks for, and engines that have no other."""

from scow.api.client.json_text import dumps
from scow.cli.building.context import packed
from scow.cli.building.readable import check_context
from scow.cli.exits import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.building.context import BuildContext
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

    Query = list[tuple[str, str]]

_ONLY_MODERN = (
    "secret",
    "ssh",
    "output",
    "build-context",
    "cache-to",
    "annotation",
    "attest",
    "provenance",
    "sbom",
    "no-cache-filter",
    "metadata-file",
    "check",
    "debug",
)


def build_classic(invocation: "Invocation", flags: "Flags", context: "BuildContext") -> str:
    """Build, printing as it goes; the image's id. Raises CommandError."""
    for name in _ONLY_MODERN:
        if flags[name]:
            raise CommandError(f"the --{name} option requires BuildKit")
    check_context(context)
    response = invocation.client.upload_blocks(
        "POST",
        "/build",
        _query(flags, context),
        packed(context),
        {"Content-Type": "application/x-tar"} | _auth(invocation),
    )
    image_id, quiet_text = "", ""
    with response:
        for message in response.values():
            if detail := message.get("errorDetail"):
                invocation.err.write(quiet_text)
                raise CommandError(str(detail.get("message") or ""), int(detail.get("code") or 1))
            aux = message.get("aux") or {}
            image_id = aux.get("ID") or image_id
            text = message.get("stream") or message.get("status") or ""
            if flags["quiet"]:
                quiet_text += text
            else:
                invocation.out.write(text if "stream" in message else f"{text}\n")
    if flags["quiet"]:
        image_id = quiet_text.strip()
        invocation.out.line(image_id)
    return image_id


def _auth(invocation: "Invocation") -> dict[str, str]:
    """Logins for all registries that the user has some for."""
    from scow.cli.credentials import registry_config_header

    return registry_config_header(invocation)


def _query(flags: "Flags", context: "BuildContext") -> "Query":
    query: Query = [("t", name) for name in flags["tag"]]
    texts: dict[str, Any] = {
        "dockerfile": context.dockerfile,
        "remote": context.address,
        "target": flags["target"],
        "networkmode": flags["network"],
        "cgroupparent": flags["cgroup-parent"],
        "cpusetcpus": flags["cpuset-cpus"],
        "cpusetmems": flags["cpuset-mems"],
        "platform": ",".join(flags["platform"]),
        "extrahosts": ",".join(flags["add-host"]),
    }
    numbers = {
        "shmsize": "shm-size",
        "memory": "memory",
        "memswap": "memory-swap",
        "cpushares": "cpu-shares",
        "cpuperiod": "cpu-period",
        "cpuquota": "cpu-quota",
    }
    texts |= {key: str(flags[name]) for key, name in numbers.items() if flags[name]}
    switches = {
        "q": "quiet",
        "nocache": "no-cache",
        "pull": "pull",
        "forcerm": "force-rm",
        "squash": "squash",
    }
    texts |= {key: "1" for key, name in switches.items() if flags[name]}
    texts["rm"] = "1" if flags["rm"] else "0"
    documents = {
        "buildargs": build_arguments(flags["build-arg"]),
        "labels": dict(_pair(text) for text in flags["label"]),
        "cachefrom": list(flags["cache-from"]),
        "ulimits": flags["ulimit"],
        "securityopt": list(flags["security-opt"]),
    }
    texts |= {key: dumps(value) for key, value in documents.items() if value}
    return query + [(key, str(value)) for key, value in texts.items() if value]


def build_arguments(words: "list[str]") -> "dict[str, str | None]":
    """``name=value``, or a name alone for what the environment has; ``None`` if it has nothing."""
    import os

    found: dict[str, str | None] = {}
    for word in words:
        name, equals, value = word.partition("=")
        found[name] = value if equals else os.environ.get(name)
    return found


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value
