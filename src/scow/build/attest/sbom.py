"""What is in an image, as an SPDX document (spdx.github.io/spdx-spec/v2.3) in JSON."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

import scow
from scow.build.attest.packages import Package
from scow.spec.digest import hex_of, sha256_of

_NOT_IN_ID = re.compile(r"[^A-Za-z0-9.-]+")
_ROOT = "SPDXRef-DocumentRoot"


def spdx_document(
    packages: Sequence[Package], distribution: tuple[str, str], name: str, created: str
) -> dict[str, Any]:
    """``name`` is what it is of, ``created`` a time. The same packages have the same namespace."""
    listed = [_package(it, distribution) for it in packages]
    mark = hex_of(sha256_of(msgspec.json.encode([name, listed])))
    root = {
        "name": name,
        "SPDXID": _ROOT,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "primaryPackagePurpose": "CONTAINER",
    }
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"https://scow.invalid/sbom/{mark}",
        "creationInfo": {
            "created": created,
            "creators": ["Organization: scow", f"Tool: scow-{scow.__version__}"],
        },
        "packages": [root, *listed],
        "relationships": [
            _relation("SPDXRef-DOCUMENT", "DESCRIBES", _ROOT),
            *(_relation(_ROOT, "CONTAINS", it["SPDXID"]) for it in listed),
        ],
    }


def _package(package: Package, distribution: tuple[str, str]) -> dict[str, Any]:
    address = package.address(*distribution)
    label = _NOT_IN_ID.sub("-", f"{package.kind}-{package.name}")
    mark = hex_of(sha256_of(f"{address} {package.source}".encode()))[:16]
    return {
        "name": package.name,
        "SPDXID": f"SPDXRef-Package-{label}-{mark}",
        "versionInfo": package.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "sourceInfo": f"acquired package info from: /{package.source}",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": address,
            }
        ],
    }


def _relation(element: str, kind: str, related: str) -> dict[str, str]:
    return {"spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": related}
