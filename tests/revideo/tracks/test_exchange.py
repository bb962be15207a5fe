"""Tracks as other programs write them: recorded texts that both languages read, and slow oracles for the records."""

import base64
import csv
import io
import json
import math
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from fuzzing import damaged, damages, fuzz
from hypothesis import given
from hypothesis import strategies as st
from javascript import node

from revideo import Edit, EditDocument, Trajectories, parse_tracks, read_npy

TESTS = Path(__file__).parents[2]
RECORDED = json.loads((TESTS / "data/exchanged_tracks.json").read_text("utf-8"))
READ, REFUSED = RECORDED["read"], RECORDED["refused"]
ARRAYS, REFUSED_ARRAYS = RECORDED["arrays"], RECORDED["refused_arrays"]


def sized(case):
    """Width and height of the drawing, where the text must be told it."""
    return tuple(case["size"]) if "size" in case else None


def seen(tracks):
    """As recorded: per path, [frame, x, y] where it is seen."""
    return [
        [[frame, *points[frame].tolist()] for frame in visible.nonzero().flatten().tolist()]
        for points, visible in zip(tracks.points_px, tracks.visible)
    ]


def single(points):
    """In single precision, as trajectories are."""
    return [torch.tensor(path, dtype=torch.float32).tolist() for path in points]


@pytest.mark.parametrize("case", READ, ids=lambda case: case["name"])
def test_what_the_editor_reads_reads_here(case):
    tracks = parse_tracks(case["text"], sized(case))
    found = seen(tracks)
    if tracks.untimed:  # of thousands of places along a shape a few were recorded
        found = [[shape[frame] for frame, _, _ in path] for shape, path in zip(found, case["points"], strict=True)]
    assert np.allclose(np.concatenate(found), np.concatenate(case["points"]), atol=1e-3 if tracks.untimed else 1e-7)
    assert list(map(len, found)) == list(map(len, case["points"]))
    assert tracks.untimed == case.get("untimed", False)
    assert tracks.read_as == case["read_as"]
    assert tracks.first_frame == case.get("first_frame")
    assert tracks.drawn_on == (tuple(case["drawn_on"]) if "drawn_on" in case else None)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["name"])
def test_what_the_editor_refuses_is_refused_here(case):
    with pytest.raises(ValueError, match=f"^{re.escape(case['message'])}$"):
        parse_tracks(case["text"], sized(case))


# --- Numbered frames -------------------------------------------------------------------------

NUMBERED = "frame,x,y\n1001,1,2\n1002,3,4\n1003,5,6"


def test_numbered_frames_keep_their_timing_in_a_longer_clip():
    tracks = parse_tracks(NUMBERED).for_clip(5)
    assert tracks.visible.tolist() == [[True, True, True, False, False]]
    assert tracks.points_px[0, :3].tolist() == [[1, 2], [3, 4], [5, 6]]


def test_numbered_frames_beyond_the_clip_are_refused_unless_they_are_to_be_cut():
    message = 'frames run from 1001 to 1003, which is 3 frames; the clip has 2: the timing "as drawn" leaves out'
    with pytest.raises(ValueError, match=message):
        parse_tracks(NUMBERED).for_clip(2)
    assert parse_tracks(NUMBERED).for_clip(2, "as drawn").points_px.tolist() == [[[1, 2], [3, 4]]]


def test_points_without_frame_numbers_are_spread_over_the_clip():
    assert parse_tracks("id,x,y\na,0,0\na,8,0").for_clip(3).points_px.tolist() == [[[0, 0], [4, 0], [8, 0]]]


# --- CSV -------------------------------------------------------------------------------------

COMMAS = [case for case in READ if case["name"].startswith("CSV") and not re.search(r"[;\t]", case["text"])]


@pytest.mark.parametrize("case", COMMAS, ids=lambda case: case["name"])
def test_the_records_of_csv_are_what_pythons_own_reader_reads(case):
    """An oracle: the standard library splits, and every line is placed by itself."""
    table = csv.DictReader(io.StringIO(case["text"].removeprefix("\ufeff"), newline=""))
    rows = [{name.lower(): value for name, value in row.items()} for row in table]
    paths = {}
    for row in rows:
        paths.setdefault(row.get("id") or row.get("track"), []).append(row)
    first = min(float(row.get("frame", 0)) for row in rows)
    found = []
    for path in paths.values():
        points = []
        for at, row in enumerate(path):
            shows = float(json.loads(row.get("visible", "1").lower())) and not float(row.get("occluded", 0))
            if shows and row["x"].lower() not in ("", "nan"):
                points.append([float(row.get("frame", at)) - first, float(row["x"]), float(row["y"])])
        found.append(sorted(points))
    assert found == case["points"]


# --- After Effects ---------------------------------------------------------------------------


@pytest.mark.parametrize("case", [case for case in READ if case["name"].startswith("After")], ids=lambda c: c["name"])
def test_the_records_of_after_effects_are_straight_between_their_keyframes(case):
    """An oracle: whole blocks are found by what they look like, and NumPy draws the lines."""
    text = re.sub(r"\r\n?", "\n", case["text"]).replace("    ", "\t")
    block = re.compile(r"^(\S.*)\n+\tFrame\tX pixels\tY pixels.*\n((?:\t-?[0-9.]+\t.*\n)+)", re.MULTILINE)
    paths = []
    for title, lines in block.findall(text):
        if title.endswith("Anchor Point") or (title.endswith("Attach Point") and "Feature Center" in text):
            continue
        paths.append(np.array([[float(word) for word in line.split()[:3]] for line in lines.splitlines()]))
    first = min(math.floor(path[0, 0]) for path in paths)
    found = []
    for path in paths:
        frames = np.arange(math.ceil(path[0, 0]), math.floor(path[-1, 0]) + 1)
        x, y = (np.interp(frames, path[:, 0], path[:, axis]) for axis in (1, 2))
        found.append(np.stack([frames - first, x, y], -1).tolist())
    assert found == case["points"]


# --- Nuke ------------------------------------------------------------------------------------

TRACKERS = [case for case in READ if case["name"].startswith("Nuke") and "x3 1 s1" not in case["text"]]


@pytest.mark.parametrize("case", TRACKERS, ids=lambda case: case["name"])
def test_the_records_of_nuke_are_what_tcl_takes_apart(case):
    """An oracle: Nuke's scripts are Tcl's lists, which Tcl itself splits, and NumPy draws the lines."""
    tcl = pytest.importorskip("tkinter").Tcl()
    text = (
        case["text"]
        if case["text"].startswith(("#", "set", "Track", "Corner"))
        else f"T {{ tracks {{{case['text']}}} }}"
    )
    words = tcl.splitlist(text)
    node = tcl.splitlist(next(words[at + 1] for at, word in enumerate(words) if word[:5] in ("Track", "Corne", "T")))
    knobs = dict(zip(node[::2], node[1::2]))
    if "tracks" in knobs:
        rows = [tcl.splitlist(row) for row in tcl.splitlist(tcl.splitlist(knobs["tracks"])[2])]
        places = [(row[0], row[2], row[3]) for row in rows]
    else:
        places = [("1", *tcl.splitlist(value)) for knob, value in knobs.items() if re.match(r"(track|to)\d", knob)]
    paths = [[_curve(curve) for curve in place] for place in places]
    paths = [path for path in paths if len(path[1][0]) + len(path[2][0]) > 2 and any(path[0][1])]
    first = min(math.ceil(curve[0][0]) for path in paths for curve in path[1:])
    found = []
    for enable, *curves in paths:
        begin, end = min(curve[0][0] for curve in curves), max(curve[0][-1] for curve in curves)
        points = []
        for frame in range(math.ceil(begin), math.floor(end) + 1):
            enabled = [value for at, value in zip(*enable) if at <= frame] or enable[1][:1]
            x, y = (float(np.interp(frame, *curve)) for curve in curves)
            if enabled[-1]:
                points.append([frame - first, x, case["drawn_on"][1] - y])
        found.append(points)
    assert found == case["points"]


def _curve(text):
    """Frames and values of a curve whose keys follow frame by frame, but where they say."""
    frames, values, frame = [], [], 0.0
    for word in text.split():
        if word[0] == "x":
            frame = float(word[1:])
        elif re.match(r"[-.\d]", word):
            frames.append(frame)
            values.append(float(word))
            frame += 1
    return frames, values


def test_an_edit_knows_how_high_its_picture_is():
    pin = "Tracker3 {\n track1 {{curve x1 10 11} {curve x1 20 21}}\n}"
    edit = Edit(torch.zeros(3, 48, 64), pin, torch.ones(1, 1, 48, 64))
    assert edit.trajectories.points_px.tolist() == [[[10, 28], [11, 27]]]


# --- SVG -------------------------------------------------------------------------------------

DATA = "M10,80 C40 10 65 10 95 80S150 150 180 80q10-20 30 0t30 5 A25,15 -30 1,1 290,95 a40 10 0 01-30 20"
DATA += "H100v-5.5e0l-10-3 20 20z"


def test_a_shape_is_where_another_reader_of_svg_finds_it():
    """An oracle: fontTools takes the data apart and makes arcs curves, which are drawn out point by point."""
    svg = pytest.importorskip("fontTools.svgLib.path")
    pen = pytest.importorskip("fontTools.pens.recordingPen").RecordingPen()
    svg.parse_path(DATA, pen)
    line = [np.array(pen.value[0][1][0])]
    u = np.linspace(0, 1, 2001)[1:, None]
    for _, points in pen.value[1:]:
        curve = [line[-1], *map(np.array, points)] if points else [line[-1], line[0]]
        while len(curve) > 1:  # de Casteljau
            curve = [(1 - u) * a + u * b for a, b in pairwise(curve)]
        line += list(curve[0])
    line = np.array(line)
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0, lengths[-1], 4001)
    wanted = np.stack([np.interp(at, lengths, axis) for axis in line.T], -1)
    found = parse_tracks(DATA)
    assert np.abs(found.points_px[0].numpy() - wanted).max() < 0.1
    assert found.untimed and found.for_clip(14, "as drawn").visible.all()


# --- NumPy -----------------------------------------------------------------------------------


def content(case):
    return base64.b64decode(case["npy"])


@pytest.mark.parametrize("case", ARRAYS, ids=lambda case: case["name"])
def test_an_array_that_the_editor_reads_reads_here(case):
    tracks = read_npy(content(case)).tracks(case["frames"])
    assert seen(tracks) == case["points"]
    assert tracks.read_as == case["read_as"]


@pytest.mark.parametrize("case", REFUSED_ARRAYS, ids=lambda case: case["name"])
def test_an_array_that_the_editor_refuses_is_refused_here(case):
    with pytest.raises(ValueError, match=f"^{re.escape(case['message'])}$"):
        read_npy(content(case)).tracks(case["frames"])


@pytest.mark.parametrize("case", ARRAYS, ids=lambda case: case["name"])
def test_the_records_of_arrays_are_what_numpy_loads(case):
    """An oracle: NumPy itself, and every point is placed by itself."""
    array = np.load(io.BytesIO(content(case)))
    if "alone" in case["name"]:
        array = array[None]
    array = array[0] if array.ndim == 4 else array
    if case["name"].startswith(("frames", "a batch", "one path of frames")):
        array = array.swapaxes(0, 1)
    shows = lambda point: not np.isnan(point[0]) and (len(point) == 2 or point[2] == 1)  # noqa: E731
    found = [[[frame, *map(float, p[:2])] for frame, p in enumerate(path) if shows(p)] for path in array]
    assert found == case["points"]


def test_what_is_no_array_is_left_to_others():
    assert read_npy(b"[[1, 2]]") is None


# --- Both languages --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def editor():
    """What the editor makes of each of several texts, or writes of tracks."""
    with node(TESTS / "js/exchange/exchange_tracks.js") as answer:
        yield answer


def _read(text):
    try:
        tracks = parse_tracks(text, (640, 360))
    except ValueError as error:
        return {"refused": re.sub("(?s)(not JSON): .*", r"\1", str(error))}
    drawn_on = [*tracks.drawn_on] if tracks.drawn_on else None
    told = {"read_as": tracks.read_as, "first_frame": tracks.first_frame, "drawn_on": drawn_on}
    return {"points": [path[:: 500 if tracks.untimed else 1] for path in seen(tracks)], **told}


def _comparable(answer):
    if "refused" in answer:
        return {"refused": re.sub("(?s)(not JSON): .*", r"\1", answer["refused"])}
    return {**answer, "points": single(answer["points"])}


PIECES = """
    0 1 -1 2 3 7 1.5 .5 1e2 1,5 nan x y X frame id visible occluded true False time " "" "a,b" sep=; #
    1001 é Frame Position Layer Effects { } curve
    M m L l C c s Q t A a1,2,30,0,1,5,5 h v z Z M1 <g> </g> <path d="M1,2L3,4"/> transform="rotate(30)" < > /> none
""".split()  # noqa: SIM905
PIECES += [",", ";", "\t", "\n", "\r\n", " ", "\r", "", ","]
TEXTS = [case["text"] for case in READ + REFUSED]
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4), st.sampled_from(PIECES)), min_size=1, max_size=3)


def _changed(text, changes):
    for at, length, piece in changes:
        start = round(at * len(text))
        text = text[:start] + piece + text[start + length :]
    return text


WRITTEN = st.builds(_changed, st.sampled_from(TEXTS), CHANGES)
WRITTEN |= st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@fuzz(40)
@given(st.lists(st.tuples(st.sampled_from(ARRAYS), damages()), min_size=20, max_size=20))
def test_the_editor_and_the_library_read_damaged_arrays_alike(editor, cases):
    files = [(damaged(content(case), damage), case["frames"]) for case, damage in cases]
    asked = [{"npy": base64.b64encode(file).decode(), "frames": frames} for file, frames in files]
    for (file, frames), answer in zip(files, editor({"arrays": asked})):
        try:
            array = read_npy(file)
            tracks = array.tracks(frames) if array else None
            here = tracks and {"points": seen(tracks), "read_as": tracks.read_as}
        except ValueError as error:
            here = {"refused": str(error)}
        assert (_comparable(answer) if answer else None) == here, file


@fuzz(40)
@given(st.lists(WRITTEN, min_size=20, max_size=20))
def test_the_editor_and_the_library_read_alike(editor, texts):
    for text, answer in zip(texts, editor({"read": texts})):
        there, here = _comparable(answer), _read(text)
        shapes = (
            "points" in here and "points" in there and here["read_as"] and here["read_as"].startswith("read as SVG")
        )
        if shapes:  # sines and cosines differ in their last digit
            assert np.allclose(np.concatenate(there.pop("points")), np.concatenate(here.pop("points")), atol=1e-2), text
        assert there == here, text


PATHS = Trajectories(
    torch.tensor([[[10.25, 20], [11, 21.125], [12, 22], [13, 23]], [[0, 0], [5, 6], [7.5, 8], [0, 0]]]),
    torch.tensor([[True] * 4, [False, True, True, False]]),
)


# Without frames the library spreads each path over the clip, the editor all of them alike, as with lists.
ALIKE = [case for case in READ if case["name"] != "CSV without frames, two paths"]


@pytest.mark.parametrize("case", ALIKE, ids=lambda case: case["name"])
def test_what_the_editor_draws_of_a_text_is_where_the_library_reads_it(editor, case):
    drawn = editor({"draw": case["text"]})
    places, visible = EditDocument.from_json(drawn["document"]).dense_points(14, 360, 640)
    read = parse_tracks(case["text"], (640, 360))
    width, height = read.drawn_on or (640, 360)
    read = read.scaled(640 / width, 360 / height).for_clip(14)
    places, visible = torch.as_tensor(places), torch.as_tensor(visible)
    assert visible[read.visible].all()
    assert (places - read.points_px)[read.visible].norm(dim=-1).max() < 0.5
    assert torch.equal(visible, read.visible) or "no gaps" in drawn["notes"][-1]


def test_straight_shapes_stay_lines_and_the_others_curves_of_few_points(editor):
    drawn = editor({"draw": f'<svg viewBox="0 0 320 180"><path d="M10 20 30 40H50z"/><path d="{DATA}"/></svg>'})
    assert drawn["kinds"] == ["line", "freehand"]
    line, curve = json.loads(drawn["document"])["paths"]
    assert [(point["x"], point["y"]) for point in line["points"]] == [(20, 40), (60, 80), (100, 80), (20, 40)]
    assert not any("frame" in point for point in line["points"] + curve["points"])
    assert len(curve["points"]) < 150


def test_more_frames_than_the_clip_has_are_left_out_and_said(editor):
    text = "frame,x,y\n" + "\n".join(f"{frame},{frame},5" for frame in range(1001, 1031))
    drawn = editor({"draw": text})
    assert drawn["notes"][1] == "the clip has 14 frames: the last 16 of the tracks were left out"
    places, _ = EditDocument.from_json(drawn["document"]).dense_points(14, 360, 640)
    assert np.abs(np.asarray(places)[0, :, 0] - np.arange(1001, 1015)).max() < 0.5


SHAPES = [
    {"id": "p1", "kind": "line", "points": [{"x": 10, "y": 20}, {"x": 300, "y": 40}, {"x": 200, "y": 300}]},
    {"id": "p2", "kind": "spline", "points": [{"x": 10, "y": 20}, {"x": 300, "y": 40}, {"x": 200, "y": 300}]},
    {"id": "p3", "kind": "freehand", "points": [{"x": x, "y": y} for x, y in [(9, 9), (99, 9), (99, 99), (9, 9)]]},
    {"id": "p4", "kind": "anchor", "points": [{"x": 7.5, "y": 8}]},
]


def test_shapes_that_the_editor_writes_read_here(editor):
    document = {"version": 1, "width": 640, "height": 360, "frames": 14, "paths": SHAPES, "regions": []}
    wanted = EditDocument.from_json(json.dumps(document)).trajectories(14, 360, 640)
    setting = {"paths": SHAPES, "names": [], "width": 640, "height": 360, "rate": 25}
    svg = editor({"write": "svg", "tracks": {"points": [], "visible": []}, "setting": setting})
    found = parse_tracks(svg)
    assert found.drawn_on == (640, 360)
    assert (found.for_clip(14).points_px - wanted.points_px).norm(dim=-1).max() < 0.1


NAMES = ['bird, "left"', "p2"]


@pytest.fixture(scope="module")
def written(editor):
    """PATHS as the editor writes them for a program."""
    tracks = {"points": PATHS.points_px.tolist(), "visible": PATHS.visible.tolist()}
    setting = {"paths": [], "names": NAMES, "width": 64, "height": 48, "rate": 25}
    return lambda form: editor({"write": form, "tracks": tracks, "setting": setting})


def test_csv_that_the_editor_writes_reads_here(written):
    assert seen(parse_tracks(written("csv"))) == seen(PATHS)


def test_an_array_that_the_editor_writes_reads_here(editor):
    tracks = {"points": PATHS.points_px.tolist(), "visible": PATHS.visible.tolist()}
    file = base64.b64decode(editor({"array": tracks}))
    array = np.load(io.BytesIO(file))
    assert (array.shape, array.dtype, array.flags.c_contiguous) == ((2, 4, 3), np.dtype("<f4"), True)
    assert seen(read_npy(file).tracks(4)) == seen(PATHS)


def test_after_effects_keyframes_that_the_editor_writes_read_here(written):
    tracks = parse_tracks(written("afterEffects"))
    resting = [[5, 6], [5, 6], [7.5, 8], [7.5, 8]]  # where the second path is hidden
    assert tracks.points_px.tolist() == [PATHS.points_px[0].tolist(), resting]
    assert (tracks.drawn_on, tracks.first_frame) == ((64, 48), 0)


def test_a_tracker_that_the_editor_writes_reads_here(written):
    tracks = parse_tracks(written("nuke"), (64, 48))
    assert seen(tracks) == seen(PATHS)
    assert tracks.first_frame == 1
    assert '"bird_ _left_"' in written("nuke")  # in quotes Nuke would run what stands in brackets
