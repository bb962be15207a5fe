"""Whatever a file says: it is a benchmark whose names can be files, or refused in one line that names it."""

import pytest
from hypothesis import given

from revideo.benchmark.manifest import BenchmarkPlan, read_manifest, read_v2vbench
from revideo.evaluation.v2vbench import NAME
from tests.fuzzing import damaged, damages, fuzz

MANIFEST = b"""
frames = 4
size = "64x64"
output = "out"

[[clips]]
name = "one"
video = "one.mp4"
edited_frame = "one.png"
document = "one.json"
type = "style"
seed = 7

[[clips]]
name = "two"
video = "two.mp4"
whole_frame = true
stride = 2

[methods]
copies = "copies"
ours = { model = "tiny", steps = 4, cfg_last = 1.0 }
"""
INDEX = b"""data:
- video_id: one
  edit:
  - prompt: a
    type: Style
  - {prompt: "b", other: 1}
- {video_id: two, edit: [{prompt: c}]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    (folder / "source_videos").mkdir()
    for name in ("one", "two"):
        (folder / f"source_videos/{name}.mp4").touch()
    return folder


def check(plan: BenchmarkPlan) -> None:
    names = [clip.name.lower() for clip in plan.clips]
    assert plan.methods and names and len(set(names)) == len(names)
    assert all(NAME.fullmatch(name) for name in [*plan.methods, *names])
    assert set(plan.results) == {clip.name for clip in plan.clips}


READERS = {"manifest.toml": (MANIFEST, read_manifest), "config.yaml": (INDEX, lambda file: read_v2vbench(file, {}))}


@pytest.mark.parametrize("name", READERS)
@fuzz(100)
@given(damage=damages())
def test_any_file_is_a_benchmark_or_refused(folder, name, damage):
    content, read = READERS[name]
    (folder / name).write_bytes(damaged(content, damage))
    try:
        check(read(folder / name))
    except (ValueError, FileNotFoundError) as refused:  # not there: the source of another clip
        expected = name if isinstance(refused, ValueError) else "source_videos"
        assert expected in str(refused) and "\n" not in str(refused)


def test_what_both_say_is_read(folder):
    (folder / "manifest.toml").write_bytes(MANIFEST)
    (folder / "config.yaml").write_bytes(INDEX)
    assert [clip.name for clip in read_manifest(folder / "manifest.toml").clips] == ["one", "two"]
    assert [clip.name for clip in read_v2vbench(folder / "config.yaml", {}).clips] == ["one-0", "one-1", "two-0"]
