"""Changes in Dockerfile syntax: what each instruction does to a config."""

from typing import Any

import msgspec
import pytest

from scow.errors import InvalidArgumentError
from scow.image.changes import apply_changes
from scow.spec.engine_api.container import ContainerConfig


def changed(*changes: str, **before: Any) -> dict[str, Any]:
    """What differs from a config that was not touched."""
    base = ContainerConfig(**before)
    plain = msgspec.to_builtins(ContainerConfig())
    result = msgspec.to_builtins(apply_changes(base, changes))
    return {key: value for key, value in result.items() if plain.get(key) != value}


@pytest.mark.parametrize(
    ("lines", "result"),
    [
        (['CMD ["a", "b c"]'], {"Cmd": ["a", "b c"]}),
        (["CMD a  b"], {"Cmd": ["/bin/sh", "-c", "a  b"]}),
        (["CMD ['single']"], {"Cmd": ["/bin/sh", "-c", "['single']"]}),
        (["cmd []"], {"Cmd": []}),
        (["ENTRYPOINT /run"], {"Entrypoint": ["/bin/sh", "-c", "/run"]}),
        (["ENV a=1 b='2 3' c=\"$a-${a}\""], {"Env": ["a=1", "b=2 3", "c=-"]}),
        (["ENV a=1", "ENV b=${a}x c=${none:-d} d=${a:+e}"], {"Env": ["a=1", "b=1x", "c=d", "d=e"]}),
        (["ENV a some  words"], {"Env": ["a=some  words"]}),
        (["ENV a=1", "ENV a=2"], {"Env": ["a=2"]}),
        (["ENV a=x\\ y"], {"Env": ["a=x y"]}),
        (["ENV a='$b'"], {"Env": ["a=$b"]}),
        (["LABEL a.b=c \"d e\"='f'"], {"Labels": {"a.b": "c", "d e": "f"}}),
        (
            ["EXPOSE 80 53/udp 10-11"],
            {"ExposedPorts": {"80/tcp": {}, "53/udp": {}, "10/tcp": {}, "11/tcp": {}}},
        ),
        (["USER 1000:50"], {"User": "1000:50"}),
        (["WORKDIR /a", "WORKDIR b/../c"], {"WorkingDir": "/a/c"}),
        (["WORKDIR x"], {"WorkingDir": "/x"}),
        (["VOLUME /a /b"], {"Volumes": {"/a": {}, "/b": {}}}),
        (['VOLUME ["/a b"]'], {"Volumes": {"/a b": {}}}),
        (["STOPSIGNAL SIGINT"], {"StopSignal": "SIGINT"}),
        (["ONBUILD RUN x"], {"OnBuild": ["RUN x"]}),
        (
            ["HEALTHCHECK --interval=1m30s --retries=3 CMD curl x"],
            {"Healthcheck": ["CMD-SHELL", "curl x"]},
        ),
        (["HEALTHCHECK NONE"], {"Healthcheck": ["NONE"]}),
        (["# a comment", "", "USER \\\n  x"], {"User": "x"}),
        (["USER a\nENV b=c"], {"User": "a", "Env": ["b=c"]}),
    ],
)
def test_each_instruction_changes_its_part(lines: list[str], result: dict[str, Any]) -> None:
    seen = changed(*lines)
    if "Healthcheck" in seen:
        seen["Healthcheck"] = seen["Healthcheck"]["Test"]
    assert seen == result


def test_health_times_are_in_nanoseconds() -> None:
    line = 'HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=0s --retries=3 CMD ["a"]'
    health = changed(line)["Healthcheck"]
    assert (health["Interval"], health["Timeout"], health["Retries"]) == (90 * 10**9, 5 * 10**8, 3)
    assert health["Test"] == ["CMD", "a"]


def test_an_entrypoint_takes_away_the_command_that_was_there_but_not_one_that_comes_with_it() -> None:
    assert "Cmd" not in changed('ENTRYPOINT ["e"]', cmd=["old"])
    assert changed('CMD ["new"]', 'ENTRYPOINT ["e"]', cmd=["old"])["Cmd"] == ["new"]


def test_what_was_there_stays_and_the_original_is_not_touched() -> None:
    config = ContainerConfig(env=["a=1"], labels={"x": "y"})
    result = apply_changes(config, ["ENV b=$a", "LABEL z=1"])
    assert result.env == ["a=1", "b=1"]
    assert result.labels == {"x": "y", "z": "1"}
    assert config.env == ["a=1"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("RUN x", "RUN is not a valid change command"),
        ("FROM x", "FROM is not a valid change command"),
        ("ENV", "ENV requires at least one argument"),
        ("ENV a", "ENV must have two arguments"),
        ("ENV =a", "ENV names can not be blank"),
        ("ENV a=1 b", 'Syntax error - can\'t find = in "b". Must be of the form: name=value'),
        ("ENV a='x", "unexpected end of statement while looking for matching single-quote"),
        ("EXPOSE x", "invalid containerPort: x"),
        ("EXPOSE 70000", "invalid containerPort: 70000"),
        ("EXPOSE 80/icmp", "invalid proto: icmp"),
        ("USER a b", "USER requires exactly one argument"),
        ("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"),
        ("HEALTHCHECK x", 'Unknown type "X" in HEALTHCHECK (try CMD)'),
        ("HEALTHCHECK --interval=x CMD a", 'time: invalid duration "x"'),
        ("ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"),
        ('VOLUME [""]', "VOLUME specified can not be an empty string"),
    ],
)
def test_mistakes_are_named_as_docker_names_them(line: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        apply_changes(ContainerConfig(), [line])
    assert caught.value.message == message
