"""Targets out of Compose files: what their services say of ``build`` (compose-spec build.md)."""

import os
import posixpath
import re
from collections.abc import Mapping
from typing import Any

from scow.cli.bake.definitions import NAME, Written
from scow.cli.bake.fields import FIELDS, Fields
from scow.cli.bake.hcl_values import to_text
from scow.cli.units import bytes_size, ram_in_bytes
from scow.errors import InvalidArgumentError

_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<plain>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?:(?P<mark>:?[-?+])(?P<rest>(?:[^{}]|\$\{[^}]*\})*))?\})"
)
_MAX_DEPTH = 20
_EXTENSION = "x-bake"
# What bake calls a field, where Compose calls it otherwise or has no such field of its own.
_PLAIN = {
    "context": "context",
    "dockerfile": "dockerfile",
    "dockerfile_inline": "dockerfile-inline",
    "target": "target",
    "tags": "tags",
    "cache_from": "cache-from",
    "cache_to": "cache-to",
    "platforms": "platforms",
    "network": "network",
    "entitlements": "entitlements",
    "no_cache": "no-cache",
    "pull": "pull",
}
_NAMED = {"args": "args", "labels": "labels"}
_LIST_FIELDS = (
    "tags",
    "cache-from",
    "cache-to",
    "secret",
    "ssh",
    "platforms",
    "output",
    "no-cache-filter",
    "attest",
)


def compose_document(text: str) -> dict[str, Any] | None:
    """A Compose file's content; ``None`` if it is none. Raises InvalidArgumentError for YAML that is none."""
    import yaml

    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as exc:
        raise InvalidArgumentError(f"parsing yaml: {exc}") from exc
    return (
        document if isinstance(document, dict) and ("services" in document or "include" in document) else None
    )


def compose_targets(documents: list[dict[str, Any]], environ: Mapping[str, str]) -> Written:
    """All services with a ``build``, which together are the default group. Raises InvalidArgumentError."""
    services: dict[str, Any] = {}
    secrets: dict[str, Any] = {}
    for document in documents:
        document = _interpolated(document, environ, 0)
        for name, service in (document.get("services") or {}).items():
            services[name] = _joined(services.get(name) or {}, _with_long_build(service or {}))
        secrets = _joined(secrets, document.get("secrets") or {})
    found = Written()
    names = []
    for name, service in sorted(services.items()):
        if service.get("build") is None:
            continue
        target = name.replace(".", "_")
        if not NAME.fullmatch(target):
            raise InvalidArgumentError(f'invalid service name "{target}": only "[a-zA-Z0-9_-]+" are allowed')
        found.targets[target] = [_target(service, secrets, environ)]
        names.append(target)
    found.groups["default"] = names
    return found


def environment_of(folder: str, environ: Mapping[str, str]) -> dict[str, str]:
    """``.env`` of the folder below the environment. Raises OSError."""
    found: dict[str, str] = {}
    path = os.path.join(folder, ".env")
    if os.path.isfile(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                name, equals, value = line.strip().removeprefix("export ").partition("=")
                if equals and not name.startswith("#"):
                    found[name.strip()] = _unquoted(value.strip())
    return found | dict(environ)


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text.partition(" #")[0].rstrip()


def _interpolated(value: Any, environ: Mapping[str, str], depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise InvalidArgumentError("the compose file is nested too deeply")
    if isinstance(value, dict):
        return {key: _interpolated(it, environ, depth + 1) for key, it in value.items()}
    if isinstance(value, list):
        return [_interpolated(it, environ, depth + 1) for it in value]
    return _expanded(value, environ, depth) if isinstance(value, str) else value


def _expanded(text: str, environ: Mapping[str, str], depth: int) -> str:
    if depth > _MAX_DEPTH:
        raise InvalidArgumentError(f"variables within variables too deep: {text}")

    def one(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        name = match["plain"] or match["name"]
        value, mark, rest = environ.get(name), match["mark"] or "", match["rest"] or ""
        is_set = value is not None and (value != "" or not mark.startswith(":"))
        if mark.endswith("+"):
            return _expanded(rest, environ, depth + 1) if is_set else ""
        if is_set or not mark:
            return value or ""
        if mark.endswith("?"):
            raise InvalidArgumentError(f"required variable {name} is missing a value: {rest}")
        return _expanded(rest, environ, depth + 1)

    return _VARIABLE.sub(one, text)


def _with_long_build(service: dict[str, Any]) -> dict[str, Any]:
    build = service.get("build")
    return {**service, "build": {"context": build}} if isinstance(build, str) else service


def _joined(earlier: Any, later: Any) -> Any:
    """Later files add to maps and lists of earlier ones and replace all else."""
    if isinstance(earlier, dict) and isinstance(later, dict):
        return {**earlier, **{key: _joined(earlier.get(key), it) for key, it in later.items()}}
    if isinstance(earlier, list) and isinstance(later, list):
        return [*earlier, *(it for it in later if it not in earlier)]
    return later


def _target(service: dict[str, Any], secrets: dict[str, Any], environ: Mapping[str, str]) -> Fields:
    build: dict[str, Any] = service["build"]
    fields: Fields = {}
    for name, field in _PLAIN.items():
        if build.get(name) not in (None, "", [], False):
            fields[field] = FIELDS[field].read(build[name])
    for name, field in _NAMED.items():
        if build.get(name):
            fields[field] = _named(build[name], environ if name == "args" else {})
    fields |= _resources(build)
    if build.get("additional_contexts"):
        contexts = _named(build["additional_contexts"], {})
        fields["contexts"] = {key: re.sub("^service:", "target:", it or "") for key, it in contexts.items()}
    if build.get("ssh"):
        given = build["ssh"]
        keys = given.items() if isinstance(given, dict) else [it.partition("=")[::2] for it in given]
        fields["ssh"] = sorted(f"{key}={it}" if it else str(key) for key, it in keys)
    if build.get("secrets"):
        fields["secret"] = [_secret(it, secrets) for it in build["secrets"]]
    attestations = [
        f"type={it},{_attestation(build[it])}".rstrip(",") for it in ("provenance", "sbom") if build.get(it)
    ]
    if attestations:
        fields["attest"] = attestations
    if "tags" not in fields and service.get("image"):
        fields["tags"] = [to_text(service["image"])]
    return fields | _extension(build.get(_EXTENSION) or {}, fields)


def _resources(build: dict[str, Any]) -> Fields:
    fields: Fields = {}
    if build.get("shm_size"):
        fields["shm-size"] = bytes_size(ram_in_bytes(to_text(build["shm_size"])))
    if build.get("ulimits"):
        fields["ulimits"] = [
            f"{name}={it['soft']}:{it['hard']}" if isinstance(it, dict) else f"{name}={it}:{it}"
            for name, it in build["ulimits"].items()
        ]
    if build.get("extra_hosts"):
        given = build["extra_hosts"]
        if not isinstance(given, dict):
            given = dict(re.split("[=:]", it, maxsplit=1) for it in given)
        fields["extra-hosts"] = {
            key: ",".join(it) if isinstance(it, list) else it for key, it in given.items()
        }
    return fields


def _named(given: Any, environ: Mapping[str, str]) -> dict[str, str | None]:
    """A map, or a list of ``name=value``; a name alone takes the environment's value."""
    if isinstance(given, dict):
        pairs = [(key, None if it is None else to_text(it)) for key, it in given.items()]
    else:
        pairs = [
            (key, it if equals else None) for key, equals, it in (to_text(it).partition("=") for it in given)
        ]
    found = {key: environ.get(key) if it is None else it for key, it in pairs}
    return {key: it for key, it in found.items() if it is not None}


def _secret(given: Any, secrets: dict[str, Any]) -> str:
    name = given if isinstance(given, str) else given.get("source", "")
    known = secrets.get(name) or {}
    if known.get("environment"):
        return f"id={name},env={known['environment']}"
    if known.get("file"):
        return f"id={name},src={posixpath.normpath(known['file'])}"
    raise InvalidArgumentError(f'secret "{name}" has neither a file nor an environment variable')


def _attestation(value: Any) -> str:
    if isinstance(value, bool) or value in ("true", "false"):
        return "" if value in (True, "true") else "disabled=true"
    return to_text(value)


def _extension(given: dict[str, Any], fields: Fields) -> Fields:
    """``x-bake``: what Compose has no words for. Lists add to what there is."""
    found: Fields = {}
    for name, value in given.items():
        if name not in FIELDS:
            raise InvalidArgumentError(f"compose file invalid: {_EXTENSION} has no field {name}")
        if name in _LIST_FIELDS:
            value = value if isinstance(value, list) else [value]
            before = fields.get(name, []) if name in ("cache-from", "secret", "ssh", "platforms") else []
            found[name] = list(dict.fromkeys([*before, *FIELDS[name].read(value)]))
        elif name == "contexts":
            found[name] = {**fields.get(name, {}), **FIELDS[name].read(value)}
        else:
            found[name] = FIELDS[name].read(value)
    return found
