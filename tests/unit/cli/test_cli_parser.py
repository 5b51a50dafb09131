"""pflag's grammar."""

import pytest

from scow.cli.flags import BOOL, FILTER, INT, LIST, STRING, STRINGS, UINT16, Flag, Flags, map_of
from scow.cli.parser import UnknownFlagError, parse_flags
from scow.errors import InvalidArgumentError

FLAGS = (
    Flag("interactive", BOOL, "", short="i"),
    Flag("tty", BOOL, "", short="t"),
    Flag("proxy", BOOL, "", default=True),
    Flag("volume", LIST, "", short="v"),
    Flag("name", STRING, ""),
    Flag("count", INT, "", short="n", default=-1),
    Flag("weight", UINT16, ""),
    Flag("opt", map_of(), ""),
    Flag("filter", FILTER, "", short="f"),
    Flag("platform", STRINGS, ""),
    Flag("net", LIST, "", dest="network"),
    Flag("network", LIST, ""),
    Flag("old", INT, "", deprecated="use --new instead"),
)


def _parse(*argv: str, interspersed: bool = True) -> Flags:
    return parse_flags(FLAGS, list(argv), interspersed=interspersed)


def test_values_have_their_zeros_and_defaults() -> None:
    flags = _parse()
    assert (flags["interactive"], flags["proxy"], flags["name"], flags["count"]) == (False, True, "", -1)
    assert (flags["volume"], flags["opt"], flags["filter"], flags["weight"]) == ([], {}, {}, 0)
    assert flags.changed == set()


@pytest.mark.parametrize(
    "argv",
    [
        ["-itv", "x:y", "img"],
        ["-it", "-vx:y", "img"],
        ["-itvx:y", "img"],
        ["-itv=x:y", "img"],
        ["--interactive", "--tty", "--volume=x:y", "img"],
        ["--interactive=true", "--tty=1", "--volume", "x:y", "img"],
        ["img", "-i", "-t", "-v", "x:y"],
    ],
)
def test_every_spelling_means_the_same(argv: list[str]) -> None:
    flags = _parse(*argv)
    assert (flags["interactive"], flags["tty"], flags["volume"]) == (True, True, ["x:y"])
    assert flags.arguments == ["img"]
    assert flags.changed == {"interactive", "tty", "volume"}


def test_a_boolean_takes_its_value_only_behind_an_equals_sign() -> None:
    flags = _parse("--proxy=false", "-i=false", "--tty", "false")
    assert (flags["proxy"], flags["interactive"], flags["tty"], flags.arguments) == (
        False,
        False,
        True,
        ["false"],
    )


def test_options_end_at_the_first_argument_when_they_may_not_be_mixed() -> None:
    flags = _parse("-i", "img", "-t", "--name", "x", interspersed=False)
    assert (flags["tty"], flags.arguments) == (False, ["img", "-t", "--name", "x"])


def test_two_dashes_end_the_options_and_one_is_an_argument() -> None:
    assert _parse("-", "-i", "--", "-t").arguments == ["-", "-t"]
    assert _parse("--", "img", "-t", interspersed=False).arguments == ["img", "-t"]


def test_repeated_options_add_up() -> None:
    flags = _parse(
        "-v", "a", "-v", "b", "--opt", "a=1", "--opt", "b", "--opt", "a=2", "--name", "x", "--name", "y"
    )
    assert (flags["volume"], flags["opt"], flags["name"]) == (["a", "b"], {"a": "2", "b": ""}, "y")
    assert _parse("--platform", "a,b", "--platform=c")["platform"] == ["a", "b", "c"]
    assert _parse("-f", " Name = x ", "-f", "name=y", "-f", "")["filter"] == {"name": ["x", "y"]}


def test_a_second_spelling_sets_the_same_value() -> None:
    flags = _parse("--net", "a", "--network", "b")
    assert flags["network"] == ["a", "b"]
    assert flags.changed == {"network"}


def test_numbers_may_have_other_bases() -> None:
    assert _parse("-n", "0x10")["count"] == 16
    assert _parse("-n", "010")["count"] == 8
    assert _parse("-n-3")["count"] == -3


def test_a_deprecated_option_works_and_says_so() -> None:
    flags = _parse("--old", "3")
    assert (flags["old"], flags.notices) == (3, ["Flag --old has been deprecated, use --new instead"])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--bogus"], "unknown flag: --bogus"),
        (["--bogus=x"], "unknown flag: --bogus"),
        (["-z"], "unknown shorthand flag: 'z' in -z"),
        (["-itz"], "unknown shorthand flag: 'z' in -z"),
        (["-i="], "unknown shorthand flag: '=' in -="),
        (["-v"], "flag needs an argument: 'v' in -v"),
        (["--name"], "flag needs an argument: --name"),
        (["--=x"], "bad flag syntax: --=x"),
        (["---x"], "bad flag syntax: ---x"),
        (
            ["--tty=foo"],
            'invalid argument "foo" for "-t, --tty" flag: strconv.ParseBool: parsing "foo": invalid syntax',
        ),
        (
            ["-n", "foo"],
            'invalid argument "foo" for "-n, --count" flag: strconv.ParseInt: parsing "foo": invalid syntax',
        ),
        (
            ["--weight", "70000"],
            'invalid argument "70000" for "--weight" flag: '
            'strconv.ParseUint: parsing "70000": value out of range',
        ),
        (
            ["-f", "x"],
            'invalid argument "x" for "-f, --filter" flag: bad format of filter (expected name=value)',
        ),
    ],
)
def test_errors_have_pflags_words(argv: list[str], message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        _parse(*argv)
    assert caught.value.message == message


def test_an_unknown_option_says_which_for_suggestions() -> None:
    with pytest.raises(UnknownFlagError) as caught:
        _parse("--nmae", "x")
    assert caught.value.name == "nmae"
