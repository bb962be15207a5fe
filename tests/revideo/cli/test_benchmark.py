"""A benchmark, from files to tables: each edit is made once, what changed again, mistakes are named before any work."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
import yaml

from revideo.benchmark.manifest import read_manifest, read_v2vbench
from revideo.benchmark.results import ResultsFolder
from revideo.cli.main import main
from revideo.evaluation.evaluator import Evaluator, Question
from revideo.pictures.sheets import write_image
from revideo.synthetic.edits import make_edit
from revideo.video.io import read_image, read_video, write_video

FRAMES, SIDE = 4, 64
CLIPS = {"one": "foreground", "two": "composite"}
OURS = {"model": "tiny", "steps": 1, "cfg_last": 1.0, "dtype": "fp32"}
METHODS = {"copies": "copies", "ours": OURS, "slow": {**OURS, "steps": 2}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two small clips with edited frames and drawings, and the clips as somebody's results."""
    (tmp_path / "copies").mkdir()
    for number, name in enumerate(CLIPS):
        truth = make_edit(number, "content", frames=FRAMES, height=SIDE, width=SIDE)
        write_video(tmp_path / f"{name}.mp4", truth.source, 8, 8)
        shutil.copyfile(tmp_path / f"{name}.mp4", tmp_path / "copies" / f"{name}.mp4")
        write_image(tmp_path / f"{name}.png", truth.edit.edited_frame)
        rows, columns = truth.areas[0].any(1).nonzero().flatten(), truth.areas[0].any(0).nonzero().flatten()
        corners = [[int(columns[0]), int(rows[0])], [int(columns[-1]) + 1, int(rows[-1]) + 1]]
        path = [{"x": x, "y": y} for x, y in truth.centres_px[0, [0, -1]].tolist()]
        drawing = {"version": 1, "width": SIDE, "height": SIDE, "frames": FRAMES}
        drawing["paths"] = [{"id": "p", "kind": "line", "points": path}]
        drawing["regions"] = [{"id": "r", "kind": "rect", "points": corners}]
        (tmp_path / f"{name}.json").write_text(json.dumps(drawing))
    return tmp_path


def a_clip(name: str, **changes: object) -> dict[str, object]:
    files = {"video": f"{name}.mp4", "edited_frame": f"{name}.png", "document": f"{name}.json"}
    return {"name": name, "type": CLIPS.get(name, "style"), "prompt": f"a prompt of {name}", **files, **changes}


def write_manifest(
    folder: Path, methods: dict = METHODS, clips: list | None = None, name: str = "manifest.toml", **given: object
) -> Path:
    """TOML is JSON here, but for the sign between key and value."""

    def table(values: dict) -> str:
        return "{" + ", ".join(f"{json.dumps(key)} = {text(value)}" for key, value in values.items()) + "}"

    def text(value: object) -> str:
        if isinstance(value, dict):
            return table(value)
        return "[" + ", ".join(map(text, value)) + "]" if isinstance(value, list) else json.dumps(value)

    content = {"frames": FRAMES, "size": f"{SIDE}x{SIDE}", "feather": 2.0, **given, "methods": methods}
    content["clips"] = [a_clip(clip) for clip in CLIPS] if clips is None else clips
    file = folder / name
    file.write_text("\n".join(f"{key} = {text(value)}" for key, value in content.items() if value is not None))
    return file


def times_of(folder: Path) -> dict[str, int]:
    files = [file for part in ("edits", "metrics") for file in (folder / part).rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): file.stat().st_mtime_ns for file in files}


@pytest.mark.slow
def test_a_benchmark_measures_what_was_made_and_repeats_nothing(folder, capsys):
    manifest = write_manifest(folder)
    assert main(["benchmark", str(manifest)]) == 0
    results = folder / "manifest-results"
    said = capsys.readouterr()
    assert said.out == (results / "table.md").read_text("utf-8")
    assert "not measured. Name a CLIP model by --clip" in said.out and "CLIP" not in said.out.split("- CLIP")[0]
    assert (results / "edits/ours/one.mkv").is_file() and not (results / "edits/copies").exists()

    content = json.loads((results / "table.json").read_text("utf-8"))
    rows = {(row["method"], row["clip"]): row for row in content["clips"]}
    assert sorted(rows) == sorted((method, clip) for method in METHODS for clip in CLIPS)
    source, _ = read_video(folder / "one.mp4")
    mask = torch.zeros(1, 1, SIDE, SIDE)
    (left, top), (right, bottom) = json.loads((folder / "one.json").read_text())["regions"][0]["points"]
    mask[..., top:bottom, left:right] = 1
    report = Evaluator(Question(source, mask)).report(read_video(results / "edits/ours/one.mkv")[0])
    measured = rows["ours", "one"]["measured"]
    assert measured["raw"]["unedited_psnr"] == pytest.approx(report.metrics["unedited_psnr"])
    assert measured["composited"]["unedited_psnr"] == 100 > measured["raw"]["unedited_psnr"]
    assert rows["copies", "two"]["measured"]["raw"]["unedited_psnr"] == 100
    for method in ("ours", "slow"):
        both = [rows[method, clip] for clip in CLIPS]
        known = content["methods"][method]
        mean = sum(row["measured"]["raw"]["unedited_psnr"] for row in both) / 2
        assert known["all"]["raw"]["unedited_psnr"]["mean"] == pytest.approx(mean)
        assert known["composite"]["raw"]["unedited_psnr"]["n"] == 1
        assert all(row["costs"]["generation_seconds"] > 0 for row in both)
        peaks = [row["costs"]["peak_bytes"] for row in both]
        if None not in peaks:  # not every system knows an edit's own
            assert known["all"]["peak_memory"]["bytes"] == max(peaks) > 10**7
    assert rows["copies", "one"]["costs"] is None

    before = times_of(results)
    assert main(["benchmark", str(manifest)]) == 0
    assert times_of(results) == before
    assert "loading" not in capsys.readouterr().err


@pytest.mark.slow
def test_an_interrupted_benchmark_goes_on_and_repeats_nothing(folder, monkeypatch, capsys):
    manifest, results = write_manifest(folder), folder / "manifest-results"
    real, made = ResultsFolder.add_edit, []

    def add(self, method, clip, *rest):
        if len(made) == 3:
            raise KeyboardInterrupt
        real(self, method, clip, *rest)
        made.append((method, clip))

    with monkeypatch.context() as patch:
        patch.setattr(ResultsFolder, "add_edit", add)
        assert main(["benchmark", str(manifest)]) == 130
    before = times_of(results)
    assert made == [("ours", "one"), ("ours", "two"), ("slow", "one")] and len(before) == 6
    assert not (results / "table.md").exists()
    assert main(["benchmark", str(manifest)]) == 0
    after = times_of(results)
    assert {name: after[name] for name in before} == before and "edits/slow/two.mkv" in after
    assert (results / "table.md").exists()


@pytest.mark.slow
def test_a_change_makes_again_what_it_changes_and_nothing_else(folder):
    results = folder / "manifest-results"
    assert main(["benchmark", str(write_manifest(folder))]) == 0

    def changed_by(**changes: object) -> set[str]:
        before = times_of(results)
        assert main(["benchmark", str(write_manifest(folder, **changes))]) == 0
        return {name for name, time in times_of(results).items() if before.get(name) != time}

    of_slow = {f"edits/slow/{clip}.{end}" for clip in CLIPS for end in ("mkv", "json")}
    of_slow |= {f"metrics/slow/{clip}.json" for clip in CLIPS}
    methods = {**METHODS, "slow": {**OURS, "steps": 3}}
    assert changed_by(methods=methods) == of_slow
    clips = [a_clip("one", seed=5), a_clip("two")]
    of_one = {f"edits/{method}/one.{end}" for method in ("ours", "slow") for end in ("mkv", "json")}
    assert changed_by(methods=methods, clips=clips) == of_one | {
        f"metrics/{method}/one.json" for method in methods if method != "copies"
    }
    assert changed_by(methods=methods, clips=clips, feather=3.0) == {
        f"metrics/{m}/{c}.json" for m in methods for c in CLIPS
    }
    frames, _ = read_video(folder / "copies/one.mp4")
    write_video(folder / "copies/one.mp4", 1 - frames, 8)
    assert changed_by(methods=methods, clips=clips, feather=3.0) == {"metrics/copies/one.json"}


@pytest.mark.slow
def test_votes_stand_in_the_tables_as_percentages(folder, capsys):
    manifest, results = write_manifest(folder), folder / "manifest-results"
    assert main(["benchmark", str(manifest)]) == 0
    key = json.loads(next(results.glob("page-*.key.json")).read_text())
    page = results / f"page-{key['page']}"
    assert (page / "index.html").is_file() and (page / "001-edited.png").is_file()
    shown, _ = read_video(page / "001-source.mp4")
    assert (shown - read_video(folder / "one.mp4")[0]).abs().mean() < 0.02
    files = []
    for voter, best in enumerate(("ours", "ours", "slow", "copies")):
        slot_of = {clip: {method: slot for slot, method in slots.items()} for clip, slots in key["slots"].items()}
        votes = [{"clip": clip, "overall": slots[best], "target": slots["slow"]} for clip, slots in slot_of.items()]
        content = {"format": "revideo-votes", "version": 1, "page": key["page"], "voter": f"v{voter}", "votes": votes}
        files.append(folder / f"votes-{voter}.json")
        files[-1].write_text(json.dumps(content))
    capsys.readouterr()
    assert main(["benchmark", str(manifest), "--votes", *map(str, files)]) == 0
    assert "8 votes a question, of 4 voters" in capsys.readouterr().out
    methods = json.loads((results / "table.json").read_text())["methods"]
    assert {name: method["votes"]["overall"]["mean"] for name, method in methods.items()} == {
        "copies": 25,
        "ours": 50,
        "slow": 25,
    }
    assert methods["slow"]["votes"]["target"]["mean"] == 100 and methods["ours"]["votes"]["target"]["n"] == 8
    files[0].write_text(files[0].read_text()[:-9])
    assert main(["benchmark", str(manifest), "--votes", *map(str, files)]) == 2
    assert "votes-0.json is damaged" in capsys.readouterr().err


@pytest.mark.slow
def test_with_clip_there_are_columns_of_the_paper_s_table_and_prompts_count(folder, clip_folder, capsys):
    def table(prompt: str) -> str:
        clips = [a_clip(clip, prompt=prompt) for clip in CLIPS]
        manifest = write_manifest(folder, {"copies": "copies", "ours": OURS}, clips)
        assert main(["benchmark", str(manifest), "--clip", str(clip_folder)]) == 0
        return capsys.readouterr().out

    first, edit = table("a red ball"), folder / "manifest-results/edits/ours/one.mkv"
    assert "| method | CLIP text alignment, cosine | CLIP consistency, cosine | unedited PSNR, dB |" in first
    assert "Name a CLIP model" not in first
    made = edit.stat().st_mtime_ns
    pages = set((folder / "manifest-results").glob("page-*.key.json"))
    assert main(["benchmark", str(folder / "manifest.toml")]) == 0  # what is measured changes no page
    assert set((folder / "manifest-results").glob("page-*.key.json")) == pages
    capsys.readouterr()
    assert table("a blue cat").splitlines()[4] != first.splitlines()[4] and edit.stat().st_mtime_ns == made


def test_without_pydantic_a_sentence_names_it(folder, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pydantic", None)
    assert main(["benchmark", str(write_manifest(folder))]) == 2
    assert 'pip install "revideo[benchmark]"' in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["manifest.toml", "--example", "there"]])
def test_a_manifest_or_an_example_is_asked_for(words, capsys):
    assert main(["benchmark", *words]) == 2
    assert "give a manifest, or --example" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"clips": []}, '"clips" is missing: write at least one [[clips]]'),
        ({"clips": [a_clip("one", videos="x")]}, '"clips[0].videos" is unknown; here may stand name, video'),
        ({"clips": [a_clip("one", type="other")]}, "\"clips[0].type\" must be 'foreground', 'background', 'style'"),
        ({"clips": [a_clip("../one")]}, "\"clips[0].name\": '../one' names files"),
        ({"clips": [a_clip("one"), a_clip("One")]}, "two clips are called 'one'"),
        ({"clips": [a_clip("one", video="none.mp4")]}, "clip one: there is no file"),
        ({"clips": [a_clip("one", document="one.png")]}, "clip one: "),
        ({"clips": [a_clip("one", document="")]}, "clip one: what may change is not said"),
        ({"clips": [a_clip("one", start=3)]}, "clip one: "),
        ({"size": "big"}, "\"size\": 'big' is no size"),
        ({"stepz": 3}, '"stepz" is unknown'),
        ({"methods": {}}, '"methods": name at least one'),
        ({"methods": {"a/b": "copies"}}, "\"methods\": 'a/b' names files"),
        ({"methods": {"ours": 3}}, '"methods": ours must be a table of options or a folder'),
        ({"methods": {"ours": {"steps": 3}}}, 'method ours: "model" is missing'),
        ({"methods": {"ours": {**OURS, "stepz": 3}}}, 'method ours: "stepz" is no option of revideo edit'),
        ({"methods": {"ours": {**OURS, "frames": 3}}}, 'method ours: "frames" has no place here'),
        ({"methods": {"ours": {**OURS, "model": "none.ckpt"}}}, "method ours: there is no"),
        ({"methods": {"ours": {**OURS, "steps": 0}}}, "method ours, clip one: steps must be a whole number from 1"),
        ({"methods": {"ours": {**OURS, "preset": "9x"}}}, "method ours: argument --preset: invalid choice"),
        ({"frames": 40}, "clip one: "),
        ({"methods": {"theirs": "none", "ours": OURS}}, "method theirs, clip one: there is no folder"),
        ({"methods": {"theirs": "empty", "ours": OURS}}, "method theirs, clip one: "),
        ({"methods": {"theirs": "short", "ours": OURS}}, "short/one.mp4 has 3 frames, the edit 4"),
        ({"methods": {"theirs": "small", "ours": OURS}}, "small/one.mp4 is 32×32, the clip 64×64"),
    ],
)
def test_a_mistake_is_named_before_anything_is_made(folder, capsys, changes, said):
    clip, _ = read_video(folder / "one.mp4")
    for name, frames in (("short", clip[:3]), ("small", clip[..., ::2, ::2]), ("empty", None)):
        (folder / name).mkdir()
        if frames is not None:
            for one in CLIPS:
                write_video(folder / name / f"{one}.mp4", frames, 8)
    assert main(["benchmark", str(write_manifest(folder, **changes))]) == 2
    error = capsys.readouterr().err
    assert said in error.replace("\\", "/") and "Traceback" not in error and "loading" not in error
    assert not (folder / "manifest-results").exists()


def test_results_that_are_pictures_or_fitted_already_are_taken(folder):
    clip, _ = read_video(folder / "one.mp4")
    (folder / "copies" / "one.mp4").unlink()
    (folder / "copies/one").mkdir()
    for number, frame in enumerate(clip):
        write_image(folder / f"copies/one/{number:02d}.png", frame)
    large = torch.nn.functional.interpolate(clip, scale_factor=2)
    write_video(folder / "one.mp4", large, 8, 4)
    write_image(
        folder / "one.png", torch.nn.functional.interpolate(read_image(folder / "one.png")[None], scale_factor=2)[0]
    )
    manifest = write_manifest(folder, {"copies": "copies"}, [a_clip("one")], size_policy="exact")
    assert main(["benchmark", str(manifest)]) == 0
    (row,) = json.loads((folder / "manifest-results/table.json").read_text())["clips"]
    assert 30 < row["measured"]["raw"]["unedited_psnr"] < 100


@pytest.mark.slow
def test_v2vbench_s_configuration_is_read_as_it_is(folder, capsys):
    entry = {"video_id": "one", "edit": [{"prompt": "a", "type": "Style", "other": 1}, {"prompt": "b"}], "more": [1]}
    (folder / "config.yaml").write_text(yaml.safe_dump({"data": [entry], "name": "V2VBench"}))
    (folder / "source_videos").mkdir()
    shutil.copyfile(folder / "one.mp4", folder / "source_videos/one.mp4")
    for method, level in (("same", 0.0), ("darker", 0.1)):
        for number in range(2):
            target = folder / method / "one" / f"{number}.mp4"
            target.parent.mkdir(parents=True, exist_ok=True)
            write_video(target, read_video(folder / "one.mp4")[0] - level, 8, 4)
    plan = read_v2vbench(folder / "config.yaml", {"same": folder / "same"})
    assert [(clip.name, clip.prompt, clip.type) for clip in plan.clips] == [("one-0", "a", "style"), ("one-1", "b", "")]
    given = ["--results", f"same={folder / 'same'}", "--results", f"darker={folder / 'darker'}"]
    assert main(["benchmark", str(folder / "config.yaml"), *given, "-o", str(folder / "out")]) == 0
    content = json.loads((folder / "out/table.json").read_text())
    assert len(content["clips"]) == 4 and content["methods"]["same"]["style"]["raw"]["motion_alignment"]["n"] == 1
    assert content["methods"]["same"]["all"]["raw"]["unedited_psnr"] is None, "no area is named there"
    (folder / "darker/one/1.mp4").unlink()
    capsys.readouterr()
    assert main(["benchmark", str(folder / "config.yaml"), *given]) == 2
    assert "method darker, clip one-1" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["data: 3", "data: [{video_id: ../x, edit: [{prompt: a}]}]", "data: []", "- 1"])
def test_what_is_no_configuration_of_v2vbench_is_refused(folder, capsys, text):
    (folder / "config.yaml").write_text(text)
    assert main(["benchmark", str(folder / "config.yaml")]) == 2
    assert "config.yaml" in capsys.readouterr().err


def test_a_manifest_s_paths_count_from_its_folder(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    plan = read_manifest(Path(folder.name) / write_manifest(folder, output="out").name)
    assert Path(plan.clips[0].video).resolve() == folder / "one.mp4"
    assert plan.folders["copies"].resolve() == folder / "copies" and plan.output.resolve() == folder / "out"
    assert plan.methods == ["copies", "ours", "slow"]


@pytest.mark.slow
def test_the_example_has_sixteen_edits_of_four_types_that_can_be_run(tmp_path, capsys):
    assert main(["benchmark", "--example", str(tmp_path / "trial")]) == 0
    plan = read_manifest(tmp_path / "trial/manifest.toml")
    types = [clip.type for clip in plan.clips]
    assert {kind: types.count(kind) for kind in types} == dict.fromkeys(
        ("foreground", "background", "style", "composite"), 4
    )
    assert len(plan.methods) == 3 and len(plan.folders) == 1
    only = '[methods]\nsource = "source-copies"\n'
    text = (tmp_path / "trial/manifest.toml").read_text()
    head, clips = text.split("[methods]")[0], text[text.index("[[clips]]") :]
    (tmp_path / "trial/only.toml").write_text(head + only + clips)
    assert main(["benchmark", str(tmp_path / "trial/only.toml")]) == 0
    assert main(["benchmark", "--example", str(tmp_path / "trial")]) == 2
    assert "is there already" in capsys.readouterr().err
