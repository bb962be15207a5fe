"""Files are written whole or not at all; what cannot be written is known before any work; killed runs leave nothing."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from revideo.files import check_folder, check_target, locked, whole_file


def write(path, content="new"):
    with whole_file(path) as unfinished:
        unfinished.write_text(content)


NAMES = [
    "a.mp4",
    "a[1]*?.mp4",
    ".hidden",
    "ünïcödé 動画.mp4",
    "x" * 251 + ".mp4",
    "-rf.mp4",
    "%(n)s{0}.mp4",
    "a.tar.gz",
    "~",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_the_folder_can_hold_can_be_written(tmp_path, name):
    for content in ("first", "second"):
        write(tmp_path / name, content)
        assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(name, content)]


@pytest.mark.parametrize("name", ["x" * 252 + ".mp4", "é" * 200 + ".mp4", "x" * 5000 + ".mp4"])
@pytest.mark.parametrize("check", [write, lambda path: check_target(path, (".mp4",), [])])
def test_a_name_too_long_is_named_before_any_work(tmp_path, name, check):
    with pytest.raises(OSError, match="cannot be written: ") as raised:
        check(tmp_path / name)
    assert raised.value.errno == errno.ENAMETOOLONG
    assert not [*tmp_path.iterdir()]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder that nobody can write into")
def test_a_folder_that_takes_no_file_is_named_before_any_work():
    with pytest.raises(OSError, match=r"/proc/self/out.mp4 cannot be written: "):
        check_target(Path("/proc/self/out.mp4"), (".mp4",), [])


def test_a_check_leaves_nothing_and_changes_nothing(tmp_path):
    (tmp_path / "out.mp4").write_text("old")
    check_target(tmp_path / "out.mp4", (".mp4",), [])
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("out.mp4", "old")]


def test_a_folder_yet_to_be_made_is_checked_and_not_made(tmp_path):
    check_folder(tmp_path)
    check_folder(tmp_path / "new" / "folder")
    (tmp_path / "file").write_text("")
    for folder, error in (("file", ValueError), ("x" * 300, OSError), ("new/" + "x" * 300, OSError)):
        with pytest.raises(error, match=r"is not a folder|too long"):
            check_folder(tmp_path / folder)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


KILLED = """
import os, sys
from revideo.files import whole_file
with whole_file(sys.argv[1]) as unfinished:
    unfinished.write_text("half of")
    os._exit(9)
"""


def test_what_a_killed_run_left_is_removed_by_the_next_and_nothing_else(tmp_path):
    target, others = tmp_path / "out.mp4", [tmp_path / ".out-abcdefgh.mp4", tmp_path / ".out-.mp4"]
    for other in others:
        other.write_text("the user's own")
    for _ in range(2):
        subprocess.run([sys.executable, "-c", KILLED, str(target)], cwd=Path(__file__).parents[2])
    assert len([*tmp_path.iterdir()]) > len(others)
    write(target)
    assert sorted(tmp_path.iterdir()) == sorted([target, *others])


def test_what_another_is_writing_stays(tmp_path):
    target = tmp_path / "out.mp4"
    with whole_file(target) as first:
        first.write_text("first")
        write(target, "second")
        assert first.read_text() == "first" and target.read_text() == "second"
    assert target.read_text() == "first"
    assert [*tmp_path.iterdir()] == [target]


LOCKS = """
import sys
from pathlib import Path
from revideo.files import locked
locked(Path(sys.argv[1]), "here").__enter__()
"""


def test_one_at_a_time(tmp_path):
    with locked(tmp_path / "lock", "the folder of clips"):
        second = locked(tmp_path / "lock", "the folder of clips")
        with pytest.raises(OSError, match="the folder of clips is in use by another run: wait for its end"):
            second.__enter__()
        script = [sys.executable, "-c", LOCKS, str(tmp_path / "lock")]
        ended = subprocess.run(script, cwd=Path(__file__).parents[2], capture_output=True)
        assert b"BlockingIOError: here is in use by another run" in ended.stderr
    with locked(tmp_path / "lock", ""):
        pass
