"""Typed instructions, and the mistakes that are named with their line and column."""

import pytest

from scow.build.dockerfile import instructions as it
from scow.build.dockerfile.parser import parse_dockerfile
from scow.build.dockerfile.source import DockerfileError, TextError


def _one(text: str) -> it.Instruction:
    return parse_dockerfile(f"FROM scratch\n{text}").stages[0].instructions[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("RUNN x", "unknown instruction: RUNN (did you mean RUN?)"),
        ("XYZZY", "unknown instruction: XYZZY"),
        ("FOO x", "unknown instruction: FOO (did you mean FROM?)"),
        ("COPY --form=a b c", "unknown flag: --form (did you mean --from?)"),
        ("COPY --chown b c", "missing a value on flag: --chown"),
        ("COPY --link=maybe b c", "expecting boolean value for flag --link, not: maybe"),
        ("COPY --from=a --from=b c d", "duplicate flag specified: --from"),
        (
            "COPY a",
            "COPY requires at least two arguments, but only one was provided."
            " Destination could not be determined",
        ),
        ("ENV", "ENV requires at least one argument"),
        ("LABEL =x", "LABEL names can not be blank"),
        ("SHELL bash -c", "SHELL requires the arguments to be in JSON form"),
        ("HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"),
        ("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"),
        ("HEALTHCHECK CURL x", 'Unknown type "CURL" in HEALTHCHECK (try CMD)'),
        ("HEALTHCHECK --interval=1us CMD x", 'Interval "interval" cannot be less than 1ms'),
        ("ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"),
        ("ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"),
        ("FROM a b", "FROM requires either one or three arguments"),
        (
            "FROM a AS 1b",
            'invalid name for build stage: "1b", name can\'t start with a number or contain symbols',
        ),
        ("RUN --network=lan x", 'invalid network mode "lan"'),
        ("WORKDIR", "WORKDIR requires exactly one argument"),
        ('VOLUME [""]', "VOLUME specified can not be an empty string"),
    ],
)
def test_mistakes_have_dockers_words_and_a_place(text: str, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse_dockerfile(f"FROM scratch\n\n{text}", "app/Dockerfile")
    error = caught.value
    assert error.message == f"dockerfile parse error on line 3: {message}"
    assert (error.file, error.line) == ("app/Dockerfile", 3)
    assert f"   3 | >>> {text.splitlines()[0]}" in error.excerpt


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ENV a", "ENV must have two arguments"),
        ("ENV a=b c", 'Syntax error - can\'t find = in "c". Must be of the form: name=value'),
        ("CMD [1]", "when using JSON array syntax, arrays must be comprised of strings only"),
        ("COPY <<EOF /x\nno end", "unterminated heredoc"),
    ],
)
def test_text_that_falls_into_no_instructions(text: str, message: str) -> None:
    with pytest.raises(TextError) as caught:
        parse_dockerfile(f"FROM scratch\n\n{text}", "app/Dockerfile")
    error = caught.value
    assert error.message == message
    assert (error.file, error.line) == ("app/Dockerfile", 3)
    assert f"   3 | >>> {text.splitlines()[0]}" in error.excerpt


def test_the_column_is_that_of_what_is_wrong() -> None:
    with pytest.raises(DockerfileError) as caught:
        parse_dockerfile("FROM scratch\nRUN true && \\\n  false\n  COPY --form=a b c\n")
    assert (caught.value.line, caught.value.column) == (4, 8)


def test_nothing_comes_before_from_but_arguments() -> None:
    with pytest.raises(DockerfileError, match="no build stage in current context"):
        parse_dockerfile("RUN true")
    with pytest.raises(DockerfileError, match="no build stage in current context"):
        parse_dockerfile("ARG a=1")
    parsed = parse_dockerfile("ARG a=1 b\nFROM --platform=$BUILDPLATFORM $a AS Build\nFROM build as last")
    assert parsed.arguments[0].arguments == (("a", "1"), ("b", None))
    assert [(it.name, it.base, it.platform) for it in parsed.stages] == [
        ("build", "$a", "$BUILDPLATFORM"),
        ("last", "build", ""),
    ]
    assert parsed.find_stage("BUILD", 1) == 0
    assert parsed.find_stage("0", 1) == 0
    assert parsed.find_stage("last", 1) is None


def test_an_empty_dockerfile_is_named() -> None:
    with pytest.raises(DockerfileError, match=r"^the Dockerfile \(Dockerfile\) cannot be empty$"):
        parse_dockerfile("")


def test_windows_line_ends_and_a_byte_order_mark_are_no_part_of_anything() -> None:
    parsed = parse_dockerfile('\ufeff# escape=`\r\nFROM scratch\r\nRUN a `\r\n  b\r\nCMD ["x"]\r\n')
    run, cmd = parsed.stages[0].instructions
    assert isinstance(run, it.Run)
    assert isinstance(cmd, it.Cmd)
    assert run.command.words == ("a   b",)
    assert cmd.command.words == ("x",)


def test_heredocs_keep_their_lines() -> None:
    run = _one("RUN <<-EOF\n\tfirst\n\t\n  last\r\n\tEOF\n")
    assert isinstance(run, it.Run)
    assert run.heredocs[0].text() == "first\n\n  last\r\n"
    assert run.location.end == 6
    copy = _one("COPY <<a <<'b' /dir/\nx $y\na\nz\nb\n")
    assert isinstance(copy, it.Copy)
    assert [(doc.name, doc.expanded, doc.content) for doc in copy.heredocs] == [
        ("a", True, "x $y\n"),
        ("b", False, "z\n"),
    ]


def test_comments_inside_a_continuation_and_hashes_after_words() -> None:
    run = _one("RUN a \\\n  # not this\n\n  && b # this\n")
    assert isinstance(run, it.Run)
    assert run.command.words == ("a   && b # this",)


def test_flags_of_health_checks_are_times() -> None:
    health = _one('HEALTHCHECK --interval=1m30s --timeout=2s --retries=3 CMD ["curl", "x"]')
    assert isinstance(health, it.Healthcheck)
    assert (health.interval_ns, health.timeout_ns, health.retries) == (90 * 10**9, 2 * 10**9, 3)
    assert health.command == it.Command(words=("curl", "x"), shell=False)


def test_ten_megabytes_and_five_hundred_stages_are_read() -> None:
    text = "".join(f"FROM scratch AS s{n}\nRUN {'x' * 20_000}\n" for n in range(500))
    assert len(parse_dockerfile(text).stages) == 500
