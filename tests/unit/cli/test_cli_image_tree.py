"""``images --tree``."""

from typing import Any

from scow.cli.image_tree import tree_text


def manifest(number: int, platform: dict[str, str], size: int, containers: list[str]) -> dict[str, Any]:
    return {
        "ID": "sha256:" + str(number) * 64,
        "Kind": "image",
        "Size": {"Content": size, "Total": size * 3},
        "ImageData": {"Platform": platform, "Containers": containers},
    }


IMAGES: list[dict[str, Any]] = [
    {
        "Id": "sha256:" + "a" * 64,
        "RepoTags": ["multi:latest", "multi:1"],
        "Created": 1,
        "Size": 123_456_789,
        "Containers": 1,
        "Manifests": [
            manifest(1, {"os": "linux", "architecture": "amd64"}, 1_000_000, ["c"]),
            manifest(2, {"os": "linux", "architecture": "arm64", "variant": "v8"}, 2_000_000, []),
            {"ID": "sha256:" + "3" * 64, "Kind": "attestation", "Size": {"Content": 5, "Total": 5}},
        ],
    },
    {"Id": "sha256:" + "b" * 64, "RepoTags": ["a-single/image-with-a-long-name/" + "x" * 30], "Created": 2},
    {"Id": "sha256:" + "c" * 64, "RepoTags": None, "Created": 3, "Size": 5000, "Containers": 0},
]

PICTURE = """\
                                                              Info ->  U In Use

IMAGE                          ID             DISK USAGE   CONTENT SIZE   EXTRA
<untagged>                     cccccccccccc          5kB             0B

a-single/image-with-a-long-…   bbbbbbbbbbbb           0B             0B

multi:latest
multi:1                        aaaaaaaaaaaa        123MB            3MB   U
├─ linux/amd64                 111111111111          3MB            1MB   U
└─ linux/arm64/v8              222222222222          6MB            2MB
"""


def test_platforms_are_below_their_image() -> None:
    assert tree_text(IMAGES, 80) == PICTURE


def test_no_image_is_a_row_of_headers() -> None:
    assert tree_text([], 80).splitlines()[-1].split() == [
        *("IMAGE", "ID", "DISK", "USAGE", "CONTENT", "SIZE", "EXTRA")
    ]
