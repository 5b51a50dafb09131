"""``RUN --mount``: the words are those that BuildKit 0.13 (Docker 26.1) and younger ones say."""

import pytest

from scow.build.evaluate.run_mounts import parse_mount
from scow.build.graph.ops import Mount
from scow.errors import InvalidArgumentError


def mount(text: str) -> tuple[Mount, str]:
    return parse_mount(text, lambda word: word)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "failed to parse csv mounts: EOF"),
        ("target", "invalid field 'target' must be a key=value pair"),
        ("type=cash,target=/c", 'unsupported mount type "cash" (did you mean cache?)'),
        ("type=cache,target=/c,sharing=none", 'unsupported sharing value "none"'),
        ("target=/m,colour=red", "unexpected key 'colour' in 'colour=red'"),
        ("target=/m,form=x", "unexpected key 'form' in 'form=x' (did you mean from?)"),
        ("target=/m,size=1m", "unexpected key 'size' for mount type 'bind'"),
        ("required,type=secret,id=x", "unexpected key 'required' for mount type 'bind'"),
        ("target=/m,ro=maybe", "invalid value for ro: maybe"),
        ("type=cache,target=/c,mode=9", "invalid value 9 for mode"),
        ("type=cache,target=/c,uid=-1", "invalid value -1 for uid"),
        ("type=tmpfs,target=/t,size=much", "invalid value for size: much"),
        ("target=/m,uid=1", 'uid not allowed for "bind" type mounts'),
        ("target=/m,sharing=locked", "invalid cache sharing set for bind mount"),
        ("type=secret", "invalid secret mount. one of source, target required"),
        ("type=secret,id=a,source=b", "both source and id can't be set"),
        ("type=secret,id=a,from=b", "secret mount should not have a from"),
        ("type=ssh,source=/a", "ssh does not support source"),
    ],
)
def test_mistakes_have_buildkits_words(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        mount(text)
    assert caught.value.message == message


def test_what_is_not_said_is_by_the_kind() -> None:
    bound, source = mount("from=tools,src=/bin,dst=/b")
    assert (bound.kind, bound.read_only, bound.source, bound.target, source) == (
        *("bind", True, "/bin", "/b"),
        "tools",
    )
    assert not mount("dst=/b,rw")[0].read_only
    assert mount("type=tmpfs,target=/t,readonly")[0].read_only
    cache, _ = mount("type=cache,target=/c/")
    assert (cache.id, cache.mode, cache.read_only) == ("/c", 0o755, False)
    assert mount("type=secret,target=/k/name")[0].id == "name"
    assert mount("type=secret,id=a,env=A")[0].target == ""
    assert mount("type=secret,source=dir/a")[0].target == "/run/secrets/a"
