"""Requests made up from the API document: sometimes right, mostly a little wrong, always the same for a seed.

Values are drawn from small pools, so that they meet: the id that one request made is the name in another.
Nothing here can harm the machine that runs the tests: no bind mounts, no control groups by name, no command
that writes, no wait that is long on purpose.
"""

import json
import random
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.support.engine_api import ApiDocument, Schema

_WORDS = (
    "", "0", "1", "-1", "true", "a", "A b", "x" * 300, "../..", "/", "/tmp", "a:b", "a=b", "=", "%", "é",
    "\u202e", "\x00", "\ud800", "9" * 40, "1e5", "NaN", "null", "2000-01-01T00:00:00Z", "1.5", "KILL",
    "SIGTERM", "ctrl-p", "busybox", "busybox:latest", "sha256:" + "0" * 64, "80/tcp", "8.8.8.8", "::1",
    "root", "1000:1000", "host", "none", "bridge", "container:x", "always", "on-failure", "json-file",
    "local", "rw", "tmpfs",
)  # fmt: skip
_NUMBERS = (0, 1, -1, 2, 6, 255, 4096, 65536, 2**31, -(2**31), 2**53, 2**63 - 1, 2**63, -(2**70), 10**400)
_COMMANDS: tuple[list[str], ...] = (
    ["sleep", "100"],
    ["sleep", "100"],
    ["true"],
    ["sleep", "0.1"],
    ["/no/such"],
    ["sh", "-c", "exit 3"],
    [""],
    [],
)
_JUNK: tuple[Any, ...] = (None, True, 0, -1, 1.5, "x", [], {}, [None], {"": None}, [[[]]], {"a": {"b": []}})
_FILTERS = (
    "{}", "[]", "x", '{"name":["a"]}', '{"label":{"a=b":true}}', '{"status":["exited","nope"]}',
    '{"until":["x"]}', '{"dangling":["2"]}', '{"id":[""]}', '{"before":["nope"]}', '{"exited":["a"]}',
    '{"nope":["a"]}', '{"a":1}', '{"label":["a"' + ',"b"' * 50 + "]}", "[" * 3000, '{"until":["10m"]}',
    '{"reference":["[z-a]","***"]}',
)  # fmt: skip
# What would reach out of the container, or keep the request waiting, is left out.
_UNSAFE = {
    "Binds",
    "Mounts",
    "CgroupParent",
    "Devices",
    "VolumesFrom",
    "Volumes",
    "Healthcheck",
    "RestartPolicy",
}
_OFTEN = {
    "DELETE /containers/{id}": 1,
    "DELETE /images/{name}": 1,
    "POST /containers/prune": 1,
    "POST /containers/create": 16,
    "POST /containers/{id}/start": 12,
    "POST /containers/{id}/exec": 12,
    "POST /exec/{id}/start": 8,
}
# They fetch over the network, or wait for one.
_UNWANTED = ("POST /auth", "GET /distribution", "GET /images/search", "POST /build")
_REMOTE = ("", "A", "127.0.0.1:1/a", "127.0.0.1:1/a@sha256:0", "-", "x" * 300)
_WAITS = {
    "t": ("0", "0", "1", "x"),
    "until": ("0", "1", "x", "1.5.5", "2000-01-01"),
    "follow": ("0", "x"),
}


@dataclass(frozen=True)
class FuzzRequest:
    """One request; ``body`` is None for none."""

    operation: str
    target: str
    body: bytes | None
    headers: dict[str, str]

    @property
    def method(self) -> str:
        return self.operation.partition(" ")[0]


@dataclass
class Fuzzer:
    """Makes requests; whoever sends them adds to ``ids`` what they made, to be named again."""

    document: ApiDocument
    seed: int
    ids: list[str] = field(default_factory=lambda: ["x"])

    def __post_init__(self) -> None:
        self._random = random.Random(f"{self.document.version}-{self.seed}")
        # Removals less often and starts more, or there is nothing left to meet.
        names = sorted(name for name in self.document.operations if not name.startswith(_UNWANTED))
        self._operations = [name for name in names for _ in range(_OFTEN.get(name, 4))]

    def request(self) -> FuzzRequest:
        """The next one."""
        operation = self._random.choice(self._operations)
        method, _, template = operation.partition(" ")
        parameters = self.document.operations[operation]["parameters"]
        path = template
        if "{" in template:
            start, _, end = template.replace("{name}", "{id}").partition("{id}")
            path = start + quote(self._name(), safe=self._random.choice(["", "/"]), errors="replace") + end
        version = self._random.choice(["", f"/v{self.document.version}", f"/v{self.document.version}"])
        body, headers = self._body(operation, parameters)
        if method in ("GET", "HEAD", "DELETE"):
            body = None
        return FuzzRequest(operation, f"{version}{path}?{self._query(parameters)}", body, headers)

    def _name(self) -> str:
        known = self._random.random() < 0.8
        return self._random.choice([*self.ids, "busybox"] if known else _WORDS) or "y"

    def _query(self, parameters: list[Schema]) -> str:
        items = []
        for parameter in parameters:
            key = parameter["name"]
            # Without a timeout, that of the container holds, which may be years.
            if parameter["in"] == "query" and (key == "t" or self._random.random() < 0.3):
                items.append((key, self._query_value(key, parameter)))
        return "&".join(f"{quote(key)}={quote(value, errors='replace')}" for key, value in items)

    def _query_value(self, key: str, parameter: Schema) -> str:
        choose = self._random.choice
        if key in _WAITS:
            return choose(_WAITS[key])
        if key == "filters":
            return choose(_FILTERS)
        if key == "fromImage":
            return choose(_REMOTE)
        if key in ("container", "name", "repo", "path"):
            return self._name()
        if key == "platform" and self._random.random() < 0.7:
            return "linux/amd64"
        if self._random.random() < 0.5 and parameter.get("enum"):
            return str(choose(parameter["enum"]))
        if parameter.get("type") in ("boolean", "integer") and self._random.random() < 0.7:
            return str(choose(_NUMBERS[:8]))
        return choose(_WORDS)

    def _body(self, operation: str, parameters: list[Schema]) -> tuple[bytes | None, dict[str, str]]:
        schema = next(
            (item["schema"] for item in parameters if item["in"] == "body" and "schema" in item), None
        )
        kind = self._random.choice(["application/json"] * 40 + ["", "text/plain", "application/x-tar"])
        headers = {"Content-Type": kind} if kind else {}
        if schema is None or self._random.random() < 0.05:
            return self._random.choice([None, b"", b"x", b"{}", b"\x1f\x8b\x08", bytes(1024)]), headers
        value = self._value(schema, 0)
        if operation == "POST /containers/create":
            value = self._made_safe(value)
        text = json.dumps(value)
        if self._random.random() < 0.03:
            text = self._random.choice(
                [text[:-1], text + "x", "[" * 100_000, '{"a":' * 5000, text.replace('"', "'")]
            )
        return text.encode("utf-8", "replace"), headers

    def _made_safe(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        value = self._few(value)
        if isinstance(host := value.get("HostConfig"), dict):
            value["HostConfig"] = self._few(host)
        usual = {"Image": "busybox", "Cmd": self._random.choice(_COMMANDS), "Entrypoint": None}
        return value | usual if self._random.random() < 0.9 else value | {"Image": "nope"}

    def _few(self, value: dict[str, Any]) -> dict[str, Any]:
        """So few of the safe members that most containers can be made."""
        keys = [key for key in value if key not in _UNSAFE]
        return {key: value[key] for key in self._random.sample(keys, min(len(keys), 2))}

    def _value(self, schema: Schema, depth: int) -> Any:
        choose = self._random.choice
        if self._random.random() < 0.04:
            return choose(_JUNK)
        schema = self.document.flat(schema)
        if self._random.random() < 0.7 and schema.get("enum"):
            return choose(schema["enum"])
        kind = schema.get("type", "object")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            count = 0 if depth > 6 else choose([0, 1, 1, 2])
            return [self._value(schema.get("items", {}), depth + 1) for _ in range(count)]
        if kind == "boolean":
            return choose([True, False])
        return choose(_NUMBERS[:-1] if kind in ("integer", "number") else _WORDS)

    def _object(self, schema: Schema, depth: int) -> Any:
        if depth > 6:
            return {}
        members = schema.get("properties", {})
        share = 0.7 if len(members) < 6 else 0.12
        found = {
            key: self._value(item, depth + 1)
            for key, item in members.items()
            if self._random.random() < share
        }
        if isinstance(others := schema.get("additionalProperties"), dict):
            found |= {self._random.choice(_WORDS): self._value(others, depth + 1)}
        return found
