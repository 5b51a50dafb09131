"""Texts of a Dockerfile on their way into documents: what is no UTF-8, quotes as Go's, and times."""

import pytest

from scow.build.dockerfile import instructions as it
from scow.build.dockerfile.parser import parse_dockerfile
from scow.build.dockerfile.source import DockerfileError
from scow.build.evaluate.config_steps import go_quoted
from scow.build.export.options import read_image_options
from scow.build.frontend.options import read_options
from scow.build.graph.keys import cache_key
from scow.build.graph.ops import RunOp
from scow.errors import InvalidArgumentError

_LATIN_1 = "é".encode("latin-1").decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain é", '"plain é"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("\t\n\r\b\f", '"\\t\\n\\r\\b\\f"'),
        ("\x01\x1b", '"\\x01\\x1b"'),
        ("\a\v", '"\\a\\v"'),
        ("\\u00e9", '"\\\\u00e9"'),
        ("\\\x01", '"\\\\\\x01"'),
    ],
)
def test_a_text_is_quoted_as_by_go(text: str, quoted: str) -> None:
    assert go_quoted(text) == quoted


def test_what_is_no_utf_8_is_replaced_in_instructions_and_kept_in_files() -> None:
    text = f"FROM a\n# {_LATIN_1}\nRUN echo {_LATIN_1}\nENV a={_LATIN_1}\nCOPY <<E /x\n{_LATIN_1}\nE\n"
    run, env, copy = parse_dockerfile(text).stages[0].instructions
    assert isinstance(run, it.Run)
    assert run.command.words == ("echo \ufffd",)
    assert isinstance(env, it.Env)
    assert env.pairs[0].value == "\ufffd"
    assert isinstance(copy, it.Copy)
    assert copy.heredocs[0].content == f"{_LATIN_1}\n"
    cache_key(RunOp(run.command.words, (f"a={env.pairs[0].value}",), "/", ""), None, ())


def test_a_trigger_is_text() -> None:
    (trigger,) = parse_dockerfile(f"FROM a\nONBUILD COPY <<E /x\n{_LATIN_1}\nE\n").stages[0].instructions
    assert isinstance(trigger, it.Onbuild)
    assert trigger.trigger == "COPY <<E /x\n\ufffd\nE"


def test_an_excerpt_is_text() -> None:
    with pytest.raises(DockerfileError) as failed:
        parse_dockerfile(f"FROM a\n# {_LATIN_1}\nNONSENSE\n")
    assert "# \ufffd" in failed.value.excerpt


@pytest.mark.parametrize("name", ["build-arg:SOURCE_DATE_EPOCH", "source-date-epoch"])
@pytest.mark.parametrize("text", ["253402300800", "-62135596801", "9" * 30, "1.5", "today"])
def test_an_epoch_that_no_document_can_say_is_refused(name: str, text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="invalid SOURCE_DATE_EPOCH"):
        read_options({name: text})
    with pytest.raises(InvalidArgumentError, match="invalid SOURCE_DATE_EPOCH"):
        read_image_options({"source-date-epoch": text}, None)


@pytest.mark.parametrize("moment_s", [0, -1, 253_402_300_799])
def test_an_epoch_that_documents_can_say(moment_s: int) -> None:
    assert read_options({"source-date-epoch": str(moment_s)}).settings.epoch_s == moment_s
    assert read_image_options({"source-date-epoch": str(moment_s)}, 7).epoch_s == moment_s
    assert read_image_options({}, 7).epoch_s == 7
