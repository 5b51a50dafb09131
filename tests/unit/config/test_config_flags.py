import pytest

from scow.config.flags import help_text, parse_flags
from scow.config.options import OPTIONS
from scow.errors import InvalidArgumentError


def settings(*argv: str) -> dict[str, object]:
    return parse_flags(argv).settings()


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--mtu", "9000"], {"mtu": 9000}),
        (["--mtu=9000"], {"mtu": 9000}),
        (["--mtu", "1", "--mtu=2"], {"mtu": 2}),
        (["--debug"], {"debug": True}),
        (["--icc=false"], {"icc": False}),
        (["-D"], {"debug": True}),
        (["-D=false"], {"debug": False}),
        (["-l", "warn"], {"log-level": "warn"}),
        (["-lwarn"], {"log-level": "warn"}),
        (["-l=warn"], {"log-level": "warn"}),
        (["-Dl", "warn"], {"debug": True, "log-level": "warn"}),
        (["-H", "fd://", "--host=tcp://:1"], {"hosts": ["fd://", "tcp://:1"]}),
        (["--log-opt", "a=1", "--log-opt=b"], {"log-opts": {"a": "1", "b": ""}}),
        (["--default-shm-size", "1.5g"], {"default-shm-size": 1610612736}),
        (["--idle-exit", "1m30s"], {"idle-exit": 90.0}),
        (["--idle-exit=45"], {"idle-exit": 45.0}),
        (["--feature", "buildkit", "--feature", "x=false"], {"features": {"buildkit": True, "x": False}}),
        (["--add-runtime", "crun=/bin/crun"], {"runtimes": {"crun": {"path": "/bin/crun"}}}),
        (
            ["--default-address-pool", "base=10.0.0.0/8,size=24"],
            {"default-address-pools": [{"base": "10.0.0.0/8", "size": 24}]},
        ),
        (["--"], {}),
    ],
)
def test_flags_follow_pflags_grammar(argv: list[str], expected: dict[str, object]) -> None:
    assert settings(*argv) == expected


def test_a_limit_without_hard_half_has_one_value() -> None:
    limits = settings("--default-ulimit", "nofile=5", "--default-ulimit", "core=1:2")["default-ulimits"]
    assert isinstance(limits, dict)
    assert [(limit.soft, limit.hard) for limit in limits.values()] == [(5, 5), (1, 2)]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--bogus"], "unknown flag: --bogus"),
        (["-x"], "unknown shorthand flag: 'x' in -x"),
        (["-H"], "flag needs an argument: 'H' in -H"),
        (["--mtu"], "flag needs an argument: --mtu"),
        (
            ["--mtu", "x"],
            'invalid argument "x" for "--mtu" flag: strconv.ParseInt: parsing "x": invalid syntax',
        ),
        (
            ["--debug=zz"],
            'invalid argument "zz" for "-D, --debug" flag: strconv.ParseBool: parsing "zz": invalid syntax',
        ),
        (["--ip", "x"], 'invalid argument "x" for "--ip" flag: x is not an ip address'),
        (["--dns", "x"], 'invalid argument "x" for "--dns" flag: x is not an ip address'),
        (
            ["--default-ulimit", "nofile"],
            'invalid argument "nofile" for "--default-ulimit" flag: invalid ulimit argument: nofile',
        ),
        (
            ["--add-runtime", "x"],
            'invalid argument "x" for "--add-runtime" flag: invalid runtime argument: x',
        ),
        (
            ["--default-shm-size", "zz"],
            'invalid argument "zz" for "--default-shm-size" flag: invalid size: \'zz\'',
        ),
        (
            ["--idle-exit", "5x"],
            'invalid argument "5x" for "--idle-exit" flag: time: invalid duration "5x"',
        ),
    ],
)
def test_a_bad_flag_is_named_as_dockerd_names_it(argv: list[str], message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_flags(argv)
    assert caught.value.message == f"{message}\nSee 'scowd --help'."


@pytest.mark.parametrize("argv", [["extra"], ["--", "extra"], ["-D", "extra", "--mtu=1"]])
def test_there_are_no_arguments(argv: list[str]) -> None:
    with pytest.raises(InvalidArgumentError, match=r'^"scowd" accepts no argument\(s\)\.'):
        parse_flags(argv)


def test_help_names_every_flag() -> None:
    lines = {line.split("--")[1].split()[0] for line in help_text().splitlines() if line.startswith("  ")}
    assert {option.flag for option in OPTIONS if option.flag} <= lines


def test_no_name_and_no_letter_is_used_twice() -> None:
    names = [option.name for option in OPTIONS]
    letters = [option.short for option in OPTIONS if option.short]
    assert len(set(names)) == len(names)
    assert len(set(letters)) == len(letters)
