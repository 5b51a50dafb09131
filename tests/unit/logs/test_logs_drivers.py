"""Log options and Docker's words about them."""

import json
from typing import Any

import pytest

from scow.errors import InvalidArgumentError
from scow.logs.attributes import LogSource
from scow.logs.drivers import log_path, log_spec, validate_log_config
from scow.spec.engine_api.container import LogConfig

PATH = "/x.log"


def spec(driver: str = "json-file", source: LogSource | None = None, **options: str) -> Any:
    given = {name.replace("_", "-"): value for name, value in options.items()}
    return log_spec(LogConfig(type=driver, config=given), PATH, source)


@pytest.mark.parametrize(
    ("driver", "options", "message"),
    [
        ("nope", {}, 'error looking up logging plugin nope: plugin "nope" not found'),
        ("json-file", {"max-sise": "1"}, "unknown log opt 'max-sise' for json-file log driver"),
        ("local", {"max-sise": "1"}, "unknown log opt 'max-sise' for log driver local"),
        ("json-file", {"mode": "x"}, "logger: logging mode not supported: x"),
        (
            "json-file",
            {"max-buffer-size": "1m"},
            "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
        ),
    ],
)
def test_names_are_checked_at_creation(driver: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidArgumentError) as failure:
        validate_log_config(driver, options)
    assert failure.value.message == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_size": "x"}, "invalid size: 'x'"),
        ({"max_size": "10x"}, "invalid suffix: 'x'"),
        ({"max_size": "0"}, "max-size must be a positive number"),
        ({"max_size": "-1"}, "invalid size: '-1'"),
        ({"max_file": "0"}, "max-file cannot be less than 1"),
        ({"max_file": "two"}, 'strconv.Atoi: parsing "two": invalid syntax'),
        ({"compress": "yes"}, 'strconv.ParseBool: parsing "yes": invalid syntax'),
        (
            {"compress": "true"},
            "compress cannot be true when max-file is less than 2 or max-size is not set",
        ),
    ],
)
def test_values_are_checked_at_the_start(options: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidArgumentError) as failure:
        spec("json-file", None, **options)
    assert failure.value.message == message


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("10", 10),
        ("10k", 10_000),
        ("10KB", 10_000),
        ("1.5m", 1_500_000),
        ("2 g", 2_000_000_000),
        ("1kib", 1000),
    ],
)
def test_sizes_are_decimal(text: str, size_bytes: int) -> None:
    assert spec(max_size=text).max_bytes == size_bytes


def test_by_default_a_log_grows_without_limit() -> None:
    assert (spec().max_bytes, spec().max_files, spec().compress) == (-1, 1, False)


def test_local_is_limited_by_default() -> None:
    local = spec("local")
    assert (local.max_bytes, local.max_files, local.compress) == (20_000_000, 5, True)
    assert spec("local", max_file="1").compress is False


def test_none_logs_nothing() -> None:
    assert spec("none") is None


def test_attributes_are_those_that_were_asked_for() -> None:
    source = LogSource(
        container_id="0123456789abcdef",
        name="/web",
        image_name="busybox",
        labels={"a": "1", "b": "2", "com.x": "3"},
        env=("HOME=/", "LANG=C", "BARE"),
    )
    attributes = spec(
        source=source, labels="a,missing", labels_regex="^com", env="LANG", tag="{{.Name}}/{{ .ID }}"
    ).attributes
    assert json.loads(attributes) == {"LANG": "C", "a": "1", "com.x": "3", "tag": "web/0123456789ab"}
    assert attributes == attributes.replace(b"\n", b"")


def test_attributes_are_written_as_gos_encoder_writes_them() -> None:
    source = LogSource(labels={"a": "<x>&\ty\u2028"})
    assert spec(source=source, labels="a").attributes == rb'{"a":"\u003cx\u003e\u0026\ty\u2028"}'


def test_without_a_request_there_are_no_attributes() -> None:
    assert spec(source=LogSource(labels={"a": "1"})).attributes == b""


@pytest.mark.parametrize(
    "tag",
    [
        *("{{.Nope}}", "{{nope .ID}}", "{{.ID", "{{}}", "{{.ID | }}", "{{pad 1}}", "{{(.ID}}", "{{.ID)}}"),
        *("{{if .ID}}x", "{{end}}", "x{{else}}y{{end}}", "{{if}}x{{end}}", "{{if .Nope}}x{{end}}"),
        *("{{if .ID}}a{{else}}b{{else}}c{{end}}", "{{range .Name}}x{{end}}", "{{" + "(" * 100 + "}}"),
    ],
)
def test_a_tag_that_cannot_be_rendered_is_an_error(tag: str) -> None:
    with pytest.raises(InvalidArgumentError):
        spec(tag=tag)


def test_files_are_named_as_dockers() -> None:
    assert log_path("json-file", "/c/ab", "ab") == "/c/ab/ab-json.log"
    assert log_path("none", "/c/ab", "ab") == ""


@pytest.mark.parametrize(
    ("template", "tag"),
    [
        ("docker/{{.Name}}", "docker/web"),
        ("{{.ImageName | upper}}-{{ truncate .FullID 4 }}", "BUSYBOX-0123"),
        ("{{json .ContainerName}}", '"/web"'),
        ('{{join (split .ImageName "y") "-"}}', "bus-box"),
        ('{{index .ContainerLabels "com.x"}}{{.ContainerLabels.a}}', "31"),
        ('{{split .ImageName "b"}}', "[ usy ox]"),
        ("{{ title `two words` }}|{{pad .ImageName 1 2}}|", "Two Words| busybox  |"),
        ("a {{- .Name -}} b", "awebb"),
        ("{{.DaemonName}}{{/* nothing */}}", "docker"),
        ("{{len .Name}} {{.Command}}", "3 sh -c true"),
        ("{{if .Name}}a{{else}}b{{end}}{{if not .Name}}c{{end}}", "a"),
        ('{{if eq .Name "db" "web"}}is{{else if .ID}}no{{else}}none{{end}}', "is"),
        ('{{if eq .Name "db"}}no{{else if (lt (len .Name) 9)}}short{{else}}long{{end}}', "short"),
        ('{{if ne .Name "web"}}{{if .Nope}}x{{else}}y{{end}}{{else}}z{{end}}', "z"),
        ('{{if and .Name (index .ContainerLabels "com.x")}}labelled{{end}} {{or "" .Name}}', "labelled web"),
        ("a {{- if .Name -}} b {{- end -}} c", "abc"),
        ("{{eq .Name .Name}}{{if .ContainerLabels.none}}x{{end}}", "true"),
    ],
)
def test_tags_are_templates(template: str, tag: str) -> None:
    source = LogSource(
        container_id="0123456789abcdef",
        name="/web",
        image_name="busybox",
        labels={"a": "1", "com.x": "3"},
        entrypoint="sh",
        args=("-c", "true"),
    )
    found = spec(source=source, tag=template)
    assert found is not None
    assert json.loads(found.attributes)["tag"] == tag


def test_attributes_have_a_limit() -> None:
    source = LogSource(labels={"long": "x" * 40_000})
    with pytest.raises(InvalidArgumentError, match="over the limit"):
        spec(source=source, labels="long")
