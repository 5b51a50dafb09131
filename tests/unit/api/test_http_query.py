import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.api.http.query import (
    Query,
    clean_path,
    escape_path,
    loggable_target,
    parse_query,
    parse_target,
)
from scow.errors import InvalidArgumentError


@pytest.mark.parametrize("text", ["", "0", "no", "No", "false", "False", "FALSE", "none", "None", " false "])
def test_go_false_words_are_false(text: str) -> None:
    assert Query({"force": [text]}).boolean("force") is False


@pytest.mark.parametrize("text", ["1", "true", "True", "yes", "on", "x", "00"])
def test_every_other_word_is_true(text: str) -> None:
    assert Query({"force": [text]}).boolean("force") is True


def test_a_missing_boolean_is_its_default() -> None:
    assert Query({}).boolean("quiet", True) is True
    assert Query({}).boolean("quiet") is False


def test_repeated_keys_are_a_list_and_the_first_counts_alone() -> None:
    query = parse_query("changes=EXPOSE+8000&changes=CMD%20%5B%22bash%22%5D&t=3")
    assert query.all("changes") == ["EXPOSE 8000", 'CMD ["bash"]']
    assert query.text("changes") == "EXPOSE 8000"
    assert query.integer("t") == 3


def test_a_missing_or_empty_number_is_none() -> None:
    assert parse_query("a=").integer("a") is None
    assert parse_query("").integer("a") is None
    assert parse_query("t=-1").integer("t") == -1


@pytest.mark.parametrize("text", ["abc", "1.5", "1e3", "0x1", "9" * 30, "²", "--1"])
def test_a_bad_number_is_named(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match=r"strconv\.Atoi: parsing"):
        Query({"t": [text]}).integer("t")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/info", "/info"),
        ("/networks/test%2001", "/networks/test 01"),
        ("/images/localhost:5000%2Fa/b@sha256:12/json", "/images/localhost:5000/a/b@sha256:12/json"),
        ("http://docker/v1.50/info", "/v1.50/info"),
        ("http://docker", "/"),
        ("/a+b", "/a+b"),
        ("/\xc3\xa9", "/é"),
        ("/%C3%A9", "/é"),
        ("/%FF", "/\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_paths_are_decoded(target: str, path: str) -> None:
    assert parse_target(target)[0] == path


@pytest.mark.parametrize("target", ["/%zz", "/%", "/%4", "/a?b=%g1", "*", "docker:80", ""])
def test_bad_targets_are_refused(target: str) -> None:
    with pytest.raises(InvalidArgumentError):
        parse_target(target)


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [
        ("/", "/"),
        ("//", "/"),
        ("/info", "/info"),
        ("/networks/", "/networks/"),
        ("//info", "/info"),
        ("/v1.41/../_ping", "/_ping"),
        ("/../../etc", "/etc"),
        ("/a/./b//c/", "/a/b/c/"),
        ("/a/..", "/"),
        ("/a/../", "/"),
    ],
)
def test_paths_are_cleaned_as_go_cleans_them(path: str, cleaned: str) -> None:
    assert clean_path(path) == cleaned


@given(st.text(max_size=60))
def test_a_cleaned_path_is_clean(text: str) -> None:
    once = clean_path("/" + text)
    assert clean_path(once) == once
    assert "//" not in once


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_an_escaped_path_reads_back(text: str) -> None:
    escaped = escape_path("/" + text)
    assert escaped.isascii()
    assert escaped.isprintable()
    assert parse_target(escaped)[0] == "/" + text


@given(st.text(st.characters(max_codepoint=255), max_size=80))
def test_any_target_is_read_or_refused(text: str) -> None:
    try:
        path, query = parse_target("/" + text)
    except InvalidArgumentError:
        return
    assert path.startswith("/")
    query.boolean("a")


def test_a_log_has_no_values_that_passwords_stand_in() -> None:
    asked = "/v1.50/build?buildargs=%7B%22http_proxy%22%3A%22u:secret@h%22%7D&t=a&remote=https://secret@h/app"
    assert loggable_target(asked) == "/v1.50/build?buildargs=…&t=a&remote=…"
    assert loggable_target("/images/create?fromSrc=http://u:secret@h/x.tar") == "/images/create?fromSrc=…"
    assert loggable_target("/containers/remote=x/json?all=1") == "/containers/remote=x/json?all=1"
