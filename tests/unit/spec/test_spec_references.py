"""References and digests: what people type, what is stored, what is refused."""

import pytest

from scow.errors import InvalidArgumentError
from scow.spec.digest import chain_ids, parse_digest, sha256_of
from scow.spec.reference import parse_reference

A = "a" * 64


@pytest.mark.parametrize(
    ("text", "whole", "familiar"),
    [
        ("busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        ("user/app:1.0", "docker.io/user/app:1.0", "user/app:1.0"),
        ("index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        ("docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"),
        ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
        ("localhost:5000/a/b:x_y", "localhost:5000/a/b:x_y", "localhost:5000/a/b:x_y"),
        ("[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"),
        ("HOST/app", "HOST/app:latest", "HOST/app:latest"),
        (f"busybox@sha256:{A}", f"docker.io/library/busybox@sha256:{A}", f"busybox@sha256:{A}"),
        (f"b:1@sha256:{A}", f"docker.io/library/b:1@sha256:{A}", f"b:1@sha256:{A}"),
        ("a__b/c--d/e.f:V", "docker.io/a__b/c--d/e.f:V", "a__b/c--d/e.f:V"),
    ],
)
def test_a_reference_is_stored_whole_and_shown_short(text: str, whole: str, familiar: str) -> None:
    reference = parse_reference(text)
    assert str(reference) == whole
    assert reference.familiar() == familiar
    assert parse_reference(familiar) == reference


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid reference format"),
        (":tag", "invalid reference format"),
        ("name:", "invalid reference format"),
        ("a:b:c", "invalid reference format"),
        ("a//b", "invalid reference format"),
        ("-a", "invalid reference format"),
        ("a\n", "invalid reference format"),
        ("a:" + "t" * 129, "invalid reference format"),
        ("ä", "invalid reference format"),
        ("Upper", "invalid reference format: repository name (library/Upper) must be lowercase"),
        ("x/Upper:1", "invalid reference format: repository name (x/Upper) must be lowercase"),
        (A, f"invalid repository name ({A}), cannot specify 64-byte hexadecimal strings"),
        ("x" * 300, "repository name must not be more than 255 characters"),
        ("a@sha256:" + "a" * 63, "invalid checksum digest length"),
        ("a@md5:" + "a" * 32, "unsupported digest algorithm"),
        ("a@sha256:" + "A" * 64, "invalid checksum digest format"),
    ],
)
def test_what_is_no_reference_is_refused_in_dockers_words(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_reference(text)
    assert caught.value.message == message


def test_without_a_default_the_tag_stays_open() -> None:
    reference = parse_reference("app", default_tag=False)
    assert reference.tag is None
    assert reference.with_tag("2").familiar() == "app:2"
    assert reference.with_digest(f"sha256:{A}").familiar() == f"app@sha256:{A}"


def test_digests_of_other_algorithms_are_known_by_their_length() -> None:
    assert parse_digest("sha512:" + "0" * 128) == "sha512:" + "0" * 128
    for text in ("sha256", "sha256:", ":" + A, f"SHA256:{A}"):
        with pytest.raises(InvalidArgumentError):
            parse_digest(text)


def test_chain_ids_follow_the_image_specification() -> None:
    first, second, third = (sha256_of(bytes([number])) for number in range(3))
    chain = chain_ids([first, second, third])
    assert chain[0] == first
    assert chain[1] == sha256_of(f"{first} {second}".encode())
    assert chain[2] == sha256_of(f"{chain[1]} {third}".encode())
    assert chain_ids([]) == []
