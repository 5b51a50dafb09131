"""How an image came about, as SLSA provenance (slsa.dev/spec/v1.1/provenance, …/v0.2/provenance) with
BuildKit's extensions (docs/attestations/slsa-definitions.md).

    mode=min    what was built from what, when and where
    mode=max    also build arguments, names of secrets, the Dockerfile and every step
"""

import base64
from collections.abc import Mapping
from typing import Any

from scow.build.attest.facts import Facts
from scow.build.attest.wanted import ProvenanceOptions
from scow.build.image_config import rfc3339
from scow.spec.redaction import redacted

V1 = "https://slsa.dev/provenance/v1"
V02 = "https://slsa.dev/provenance/v0.2"
_BUILD_TYPE_V1 = "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md"
_BUILD_TYPE_V02 = "https://mobyproject.org/buildkit@v1"
_EXTENSION = "https://mobyproject.org/buildkit@v1#metadata"
_HERMETIC = "https://mobyproject.org/buildkit@v1#hermetic"
# What one machine's client says of itself, and what stands elsewhere in the document.
_NOT_ARGUMENTS = frozenset({"cgroup-parent", "image-resolve-mode", "platform", "cache-imports", "cache-from"})
_NOT_ARGUMENT_PREFIXES = ("attest:", "vcs:", "local-sessionid:")
_ONLY_MAX_PREFIXES = ("build-arg:", "label:")


def predicate(facts: Facts, options: ProvenanceOptions) -> tuple[str, dict[str, Any]]:
    """Its type, and what is said."""
    if options.version == "v0.2":
        return V02, _v02(facts, options)
    return V1, _v1(facts, options)


def _v1(facts: Facts, options: ProvenanceOptions) -> dict[str, Any]:
    internal: dict[str, Any] = {"builderPlatform": str(facts.platform)}
    if options.everything:
        internal["buildConfig"] = _build_config(facts)
    return {
        "buildDefinition": {
            "buildType": _BUILD_TYPE_V1,
            "externalParameters": {
                "configSource": _config_source(facts, "path"),
                "request": _request(facts, options),
            },
            "internalParameters": internal,
            "resolvedDependencies": [it.document() for it in facts.materials],
        },
        "runDetails": {
            "builder": {"id": options.builder_id},
            "metadata": {
                "invocationId": facts.invocation,
                "startedOn": rfc3339(facts.started_ns),
                "finishedOn": rfc3339(facts.finished_ns),
                "buildkit_hermetic": facts.hermetic,
                "buildkit_completeness": {
                    "request": options.everything,
                    "resolvedDependencies": facts.has_all_materials,
                },
                "buildkit_reproducible": options.reproducible,
                "buildkit_metadata": _metadata(facts, options),
            },
        },
    }


def _v02(facts: Facts, options: ProvenanceOptions) -> dict[str, Any]:
    found: dict[str, Any] = {
        "builder": {"id": options.builder_id},
        "buildType": _BUILD_TYPE_V02,
        "materials": [it.document() for it in facts.materials],
        "invocation": {
            "configSource": _config_source(facts, "entryPoint"),
            "parameters": _request(facts, options),
            "environment": {"platform": str(facts.platform)},
        },
    }
    if options.everything:
        found["buildConfig"] = _build_config(facts)
    found["metadata"] = {
        "buildInvocationID": facts.invocation,
        "buildStartedOn": rfc3339(facts.started_ns),
        "buildFinishedOn": rfc3339(facts.finished_ns),
        "completeness": {
            "parameters": options.everything,
            "environment": True,
            "materials": facts.has_all_materials,
        },
        "reproducible": options.reproducible,
        _HERMETIC: facts.hermetic,
        _EXTENSION: _metadata(facts, options),
    }
    return found


def _config_source(facts: Facts, path: str) -> dict[str, Any]:
    return {**(facts.context.document() if facts.context is not None else {}), path: facts.file_name}


def _request(facts: Facts, options: ProvenanceOptions) -> dict[str, Any]:
    found: dict[str, Any] = {
        "frontend": "dockerfile.v0",
        "args": _arguments(facts.arguments, everything=options.everything),
        "locals": [{"name": name} for name in facts.folders],
    }
    if options.everything:
        for name, things in (("secrets", facts.secrets), ("ssh", facts.agents)):
            if things:
                found[name] = [it.document() for it in things]
    return found


def _arguments(arguments: Mapping[str, str], *, everything: bool) -> dict[str, str]:
    return {
        name: redacted(value)
        for name, value in sorted(arguments.items())
        if name not in _NOT_ARGUMENTS
        and not name.startswith(_NOT_ARGUMENT_PREFIXES)
        and (everything or not name.startswith(_ONLY_MAX_PREFIXES))
    }


def _build_config(facts: Facts) -> dict[str, Any]:
    return {"llbDefinition": list(facts.steps)}


def _metadata(facts: Facts, options: ProvenanceOptions) -> dict[str, Any]:
    found: dict[str, Any] = {"vcs": dict(facts.vcs)} if facts.vcs else {}
    if not options.everything:
        return found
    return {
        **found,
        "source": {
            "locations": dict(facts.locations),
            "infos": [
                {
                    "filename": facts.file_name,
                    "language": "Dockerfile",
                    "data": base64.b64encode(facts.source).decode(),
                }
            ],
        },
        "layers": dict(facts.layers),
    }
