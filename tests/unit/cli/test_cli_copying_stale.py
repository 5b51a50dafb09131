"""A folder that a result was written to, and what was in it before."""

import os
from pathlib import Path

import pytest

from scow.cli.building.flags import FLAGS
from scow.cli.building.outputs import outputs_of
from scow.cli.copying.stale import remove_stale
from scow.cli.exits import CommandError
from scow.cli.parser import parse_flags


def test_what_is_not_of_the_result_goes(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    for name in ("a/kept", "a/old", "b/c/old", "empty/x", "file", "link-target/stays"):
        path = (tmp_path if name.startswith("link") else folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    os.symlink(tmp_path / "link-target", folder / "link")
    os.symlink("nowhere", folder / "a/dangling")
    (folder / "a/nested").mkdir()
    remove_stale(str(folder), {"a/kept", "a/nested", "d"})
    assert sorted(str(it.relative_to(folder)) for it in folder.rglob("*")) == ["a", "a/kept", "a/nested"]
    assert (tmp_path / "link-target/stays").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-otype=local,dest=out,mode=move"], 'ERROR: invalid local exporter mode "move"'),
        (
            ["-otype=local,dest=.,mode=delete"],
            'ERROR: local output mode=delete for destination "." requires --allow=buildx.local.delete',
        ),
        (
            ["-otype=local,dest=/srv/x,mode=delete"],
            'ERROR: local output mode=delete for destination "/srv/x" requires --allow=buildx.local.delete',
        ),
    ],
)
def test_what_may_not_be_deleted(words: list[str], message: str) -> None:
    with pytest.raises(CommandError) as caught:
        outputs_of(parse_flags(FLAGS, words))
    assert caught.value.message == message


def test_what_may_be_deleted() -> None:
    [below] = outputs_of(parse_flags(FLAGS, ["-otype=local,dest=out,mode=delete"]))
    assert below.removes_stale
    [copied] = outputs_of(parse_flags(FLAGS, ["-otype=local,dest=out,mode=copy"]))
    assert not copied.removes_stale
    words = ["-otype=local,dest=/srv/x,mode=delete", "--allow=buildx.local.delete"]
    assert outputs_of(parse_flags(FLAGS, words))[0].removes_stale
