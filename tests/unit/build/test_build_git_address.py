"""Addresses of repositories, in all the ways that the Dockerfile front end knows."""

import pytest

from scow.build.evaluate.git_address import is_git_address, parse_git_address
from scow.build.graph.ops import GitSource
from scow.errors import InvalidArgumentError

HTTPS = "https://example.org/a/b.git"


@pytest.mark.parametrize(
    "text",
    [HTTPS, f"{HTTPS}#x", f"{HTTPS}?ref=x", "http://h/x.git", "git://h/x", "ssh://git@h:22/x", "git@h:x/y"],
)
def test_what_is_a_repository(text: str) -> None:
    assert is_git_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/a.tar.gz", "https://example.org/a.git/file", "https://example.org/?x=.git",
        "./git@h:x", "file:///x.git", "C:\\x.git", "a.git", "github.com/a/b",
    ],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    assert not is_git_address(text)


def test_a_context_may_leave_out_the_scheme_of_github() -> None:
    assert is_git_address("github.com/a/b", context=True)
    assert parse_git_address("github.com/a/b#v1").remote == "https://github.com/a/b"


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (HTTPS, GitSource(HTTPS)),
        (f"{HTTPS}#v1", GitSource(HTTPS, "v1")),
        (f"{HTTPS}#v1:a/../b/", GitSource(HTTPS, "v1", "b")),
        (f"{HTTPS}#:/../../b", GitSource(HTTPS, "", "b")),
        ("git@h:x/y.git#main:sub", GitSource("git@h:x/y.git", "main", "sub")),
        (f"{HTTPS}?tag=v1", GitSource(HTTPS, "refs/tags/v1")),
        (f"{HTTPS}?branch=a%2Fb&subdir=c", GitSource(HTTPS, "refs/heads/a/b", "c")),
        (f"{HTTPS}?ref=x&commit=abc", GitSource(HTTPS, "x", commit="abc")),
        (f"{HTTPS}?keep-git-dir&submodules=0", GitSource(HTTPS, keep_git_dir=True, submodules=False)),
        (f"{HTTPS}?mtime=commit", GitSource(HTTPS, commit_times=True)),
        (f"{HTTPS}?ref=v1#v1", GitSource(HTTPS, "v1")),
    ],
)
def test_what_it_stands_for(text: str, source: GitSource) -> None:
    assert parse_git_address(text) == source


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("nosuch=1", 'unexpected query "nosuch"'),
        ("ref=a&ref=b", 'query "ref" has multiple values'),
        ("ref=", 'query "ref" has no value'),
        ("submodules=maybe", 'invalid submodules value: "maybe"'),
        ("mtime=now", 'invalid mtime value: "now" (must be "checkout" or "commit")'),
        ("tag=a&branch=b", "branch conflicts with tag"),
        ("tag=a&ref=b", 'ref conflicts: "b" vs "refs/tags/a"'),
    ],
)
def test_what_is_refused(query: str, said: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_git_address(f"{HTTPS}?{query}")
    assert caught.value.message == said
