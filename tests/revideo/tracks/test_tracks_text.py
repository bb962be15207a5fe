import json
import re
from pathlib import Path

import pytest
import torch
from fuzzing import fuzz
from hypothesis import example, given
from hypothesis import strategies as st
from javascript import node
from torch.testing import assert_close

from revideo import Trajectories, parse_tracks
from revideo.tracks import tracks_text

TESTS = Path(__file__).parents[2]
TEXTS = json.loads((TESTS / "data/track_texts.json").read_text("utf-8"))
TWO_PATHS = [[[1.0, 2.0], [3.0, 4.0], [5.5, 6.25]], [[7.0, 8.0], [9.0, 10.0], [11.0, 12.0]]]
XY = [[{"x": x, "y": y} for x, y in path] for path in TWO_PATHS]


def seen(points_px, visible=None):
    points_px = torch.tensor(points_px)
    if visible is None:
        visible = torch.ones(points_px.shape[:2], dtype=torch.bool)
    return Trajectories(points_px, torch.as_tensor(visible))


# --- Spellings ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(XY),
        json.dumps(TWO_PATHS),
        str(XY),  # Python's single quotes
        json.dumps([json.dumps(path) for path in XY]),
        str([str(path) for path in XY]),
        json.dumps(json.dumps(XY)),
        json.dumps([XY]),
        json.dumps([json.dumps(XY[:1]), json.dumps(XY[1:])]),
        f"\n {json.dumps(XY, indent=2)} ",
    ],
    ids=["xy", "pairs", "python", "texts", "python texts", "quoted", "wrapped", "texts of lists", "indented"],
)
def test_every_spelling_reads_alike(text):
    tracks = parse_tracks(text)
    assert_close(tracks.points_px, torch.tensor(TWO_PATHS))
    assert tracks.visible.all()


@pytest.mark.parametrize("path", [XY[0], TWO_PATHS[0]], ids=["xy", "pairs"])
def test_a_path_alone_needs_no_outer_list(path):
    assert_close(parse_tracks(json.dumps(path)).points_px, torch.tensor(TWO_PATHS[:1]))


def test_one_path_of_two_points_is_not_taken_for_two_paths():
    assert parse_tracks("[[1, 2], [3, 4]]").points_px.tolist() == [[[1, 2], [3, 4]]]


def test_a_path_of_one_point_stays_a_path():
    assert parse_tracks('[[{"x": 1, "y": 2}]]').points_px.tolist() == [[[1, 2]]]


@pytest.mark.parametrize("text", ["[]", " [ ] "])
def test_no_path_is_a_valid_answer(text):
    assert parse_tracks(text).points_px.shape == (0, 0, 2)


def test_a_ragged_end_hides_the_rest_of_that_path():
    tracks = parse_tracks("[[[1, 1], [2, 2], [3, 3]], [[4, 4]]]")
    assert tracks.visible.tolist() == [[True, True, True], [True, False, False]]


def test_extra_fields_of_a_point_are_ignored():
    assert parse_tracks('[[{"x": 1, "y": 2, "t": 0.5, "visible": true}]]').points_px.tolist() == [[[1, 2]]]


def test_what_is_written_reads_back():
    tracks = seen(TWO_PATHS, [[True, True, True], [True, True, False]])
    back = parse_tracks(tracks.to_json())
    assert torch.equal(back.visible, tracks.visible)
    assert_close(back.points_px[back.visible], tracks.points_px[tracks.visible])


def test_a_path_that_is_never_seen_is_not_written():
    assert seen(TWO_PATHS, [[False] * 3, [True] * 3]).to_json() == seen(TWO_PATHS[1:]).to_json()


@pytest.mark.parametrize("case", TEXTS["read"], ids=lambda case: case["name"])
def test_what_the_editor_reads_reads_here(case):
    tracks = parse_tracks(case["text"])
    shown = [points[visible].tolist() for points, visible in zip(tracks.points_px, tracks.visible)]
    assert shown == case["points"]


@pytest.mark.parametrize("case", TEXTS["refused"], ids=lambda case: case["name"])
def test_what_the_editor_refuses_is_refused_here(case):
    with pytest.raises(ValueError, match=f"^{re.escape(case['message'])}"):
        parse_tracks(case["text"])


def test_what_is_not_json_says_where():
    with pytest.raises(ValueError, match=r"^the tracks are not JSON: .* column 19"):
        parse_tracks('[[{"x": 1, "y": 2}')


# --- Limits ----------------------------------------------------------------------------------


def test_too_many_points_are_refused(monkeypatch):
    monkeypatch.setattr(tracks_text, "MAX_POINTS", 5)
    parse_tracks(json.dumps([TWO_PATHS[0], TWO_PATHS[1][:2]]))
    with pytest.raises(ValueError, match="the tracks hold 6 points; at most 5 are read"):
        parse_tracks(json.dumps(TWO_PATHS))


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (
            [[[[1, 1]] * 20_000], [[[1, 1]]] * 20_000],
            r"20001 paths of up to 20000 points, which makes 400020000 places",
        ),
        ([[[[1, 1]] * 101], [[[1, 1]]] * 99_999], r"100000 paths of up to 101 points, which makes 10100000 places"),
        ([[[[1, 1]] * 200_000], [[[1, 1]]] * 50], r"51 paths of up to 200000 points, which makes 10200000 places"),
        ([[{"x": 1, "y": 1}] * 4000, [[[1, 1]]] * 2500], r"2501 paths of up to 4000 points"),
        ([[[[1, 1]] * 20_000], [5] * 20_000], r"20001 paths of up to 20000 points"),
    ],
    ids=["20000 and 20000", "many", "few", "one alone and many", "what is no path"],
)
@pytest.mark.slow
def test_paths_too_unlike_in_length_are_refused_before_room_is_made_for_them(editor, paths, message):
    first, others = paths
    text = json.dumps([*(first if isinstance(first[0], list) else [first]), *others])
    with pytest.raises(ValueError, match=message) as refusal:
        parse_tracks(text)
    assert editor([text]) == [{"refused": str(refusal.value)}]


def test_a_text_too_long_is_not_read(monkeypatch):
    monkeypatch.setattr(tracks_text, "MAX_LENGTH", 30)
    assert parse_tracks("[[1, 2]]".ljust(30)).num_frames == 1
    with pytest.raises(ValueError, match="the tracks are a text of 31 characters; at most 30 are read"):
        parse_tracks("[[1, 2]]".ljust(31))


def _wrapped(text, times, form):
    for _ in range(times):
        text = form(text)
    return text


@pytest.mark.parametrize(
    "text",
    [
        _wrapped("[[1, 2], [3, 4]]", 12, json.dumps),
        _wrapped("[[1, 2], [3, 4]]", 14, lambda text: repr([text])),
        _wrapped("[[1, 2], [3, 4]]", 10, lambda text: json.dumps([text])),
        _wrapped("[[[1, 2], [3, 4]]]", 10, lambda text: repr([f"{'[' * 90}{text}{']' * 90}"])),
        json.dumps(["[]"] * 1000 + ["[[1, 2], [3, 4]]"]),
        repr([["[]"]] * 20 + [["[[1, 2], [3, 4]]"]]).replace("[[", "[").replace("]]", "]") + "]",
    ],
    ids=["texts", "Python's lists", "JSON's lists", "lists and texts", "empty texts", "cut"],
)
def test_texts_in_texts_are_read_or_refused_however_many(editor, text):
    assert _comparable(editor([text])[0]) == _comparable(_read(text))


@pytest.mark.parametrize(
    "piece", ["'", '"', "\\'", '\\"', "[", "[]", "[],", "'[", "{'x':", ", ", " ", "1", "\\", "'a'"]
)
def test_a_long_text_of_one_piece_is_refused_without_delay(piece):
    for before in ("", "'", '"', "['", "[1"):
        with pytest.raises(ValueError, match=r"^the tracks|^track 0 has no points"):
            parse_tracks(before + piece * 30_000 + "x'")


# --- Texts as no tool writes them ------------------------------------------------------------

# What JSON, Python and JavaScript tell apart, or count apart.
PIECES = r"""
    [ ] { } [] {} [[ ]] [[[ ]]] ( ) (1,2) {1,2} , ,, : " ' ''' // ` ; = * [1,2] '[[1,2]]' "[[1,2]]" 'a''b' {'x':1,'y':2}
    x 'x' "x" 'y': b'' f'' r'' u'x' __proto__ set() np.float64(1.0) nan inf NaN -NaN Infinity -Infinity Ellipsis ... #
    0 -0 01 00 1. .5 +1 1e39 1e400 1e-400 1_0 0x1F 0o7 1j 1+2 1-2 --1 - . 1.2.3 1e 5e-7 1e16 1e21 ٣ ３ ½ ∞
    100000 100000.00000001 -100001 123456789012345678901 9007199254740993 é True False None true false null undefined
    \n \x41 \x4 \u0041 \u12 \U0001f600 \U00110000 \U0000d800 \N{DOT} \0 \101 \a \v \/ \' \" \\ \ \ud83d \ude00
""".split()  # noqa: SIM905
PIECES += " \t\n\r\x00\x01\x08\x0b\x0c\x1c\x1f\x7f\x85\xa0\u2028\u2029\u3000\u200b\ufeff\ud800\udc00\U0001f600"
PIECES += ["# a\n", "\\\n", "9" * 400, "9" * 5000, "[" * 97, "]" * 97, "[" * 101, "]" * 101, "[" * 500]

NUMBERS = st.integers(-9, 9).map(str) | st.sampled_from(["2.5", "-7e-1", "1E2", "-99999.5", "100000", "12345.678901"])
NUMBERS |= NUMBERS | st.sampled_from(["-0", ".5", "1.", "+1", "1e-7", "100000.1", "1e39", "NaN", "None", "True", "'1'"])
FIELDS = ["'t': True", '"note": "it\'s"', r"""'n': '\x41\'"\u1234'""", "'__proto__': None", '"1": NaN', '"a": null']
FIELDS += ["'visible': False", "'visible': 1", "'visible': 0.0, 'x': None, 'y': None"]
EXTRAS = st.lists(st.sampled_from(FIELDS).map(", {}".format), max_size=2).map("".join)
QUOTES, ENDS = st.sampled_from("'\""), st.sampled_from(["", "", "", "", ",", " , ", "\n"])
POINTS = st.builds("{{{3}x{3}: {0}, {3}y{3}: {1}{2}{4}}}".format, NUMBERS, NUMBERS, EXTRAS, QUOTES, ENDS)
POINTS |= st.builds("[{}, {}{}]".format, NUMBERS, NUMBERS, ENDS)
POINTS |= st.builds("({}, {}{})".format, NUMBERS, NUMBERS, st.sampled_from(["", ",", ", True", ", false", ", 1"]))


def _lists(items):
    return st.builds(lambda inner, end: f"[{', '.join(inner)}{end}]", st.lists(items, min_size=1, max_size=3), ENDS)


def _texts(text):
    return text.map(json.dumps) | text.map(repr)


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["x", "y", "t", "1", "__proto__", "", "it's", 'a"b']), inner, max_size=3)
    ),
    max_leaves=12,
)
WRITTEN = st.sampled_from([case["text"] for case in TEXTS["read"] + TEXTS["refused"]]) | _texts(VALUES)
WRITTEN |= st.lists(st.sampled_from(["1,2", " 3.5 , -4 ", "", "5,6\r", "7,", "01,2"]), max_size=5).map("\n".join)
WRITTEN |= _lists(_lists(POINTS)).map('{{"coordinates": {}, "coord_width": 2, "coord_height": 1.5}}'.format)
WRITTEN |= _lists(POINTS) | _lists(_lists(POINTS)) | _lists(_lists(_lists(POINTS)))
WRITTEN |= st.recursive(WRITTEN, lambda text: _texts(text) | _lists(text) | _lists(_texts(text)), max_leaves=3)
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 2), st.sampled_from(PIECES)), max_size=2)


def _changed(text, changes):
    for at, length, piece in changes:
        start = round(at * len(text))
        text = text[:start] + piece + text[start + length :]
    return text


TRACK_TEXTS = st.builds(_changed, WRITTEN, CHANGES)


@pytest.fixture(scope="module")
def editor():
    """What the editor makes of each of several texts: tracks, or {"refused": message}."""
    with node(TESTS / "js/document/read_tracks.js") as read:
        yield read


def _read(text):
    try:
        tracks = parse_tracks(text)
    except ValueError as error:
        return {"refused": str(error)}
    size = {"drawnOn": [*tracks.drawn_on]} if tracks.drawn_on else {}
    return {"points": tracks.points_px.tolist(), "visible": tracks.visible.tolist(), **size}


def _comparable(answer):
    """In single precision, as trajectories are; each language has words of its own for what is wrong with JSON."""
    points = torch.tensor(answer.get("points", []), dtype=torch.float32).tolist()
    return {**answer, "points": points, "refused": re.sub("(?s)(not JSON): .*", r"\1", answer.get("refused", ""))}


@pytest.mark.slow
@fuzz(100)
@given(st.lists(TRACK_TEXTS, min_size=20, max_size=20))
def test_the_editor_and_the_library_read_alike(editor, texts):
    for text, answer in zip(texts, editor(texts)):
        assert _comparable(answer) == _comparable(_read(text)), text


@fuzz(300)
@given(TRACK_TEXTS)
@example("[" * 1000)
@example("['" * 1000)
@example(f"[[[1, {'9' * 5000}]]]")
@example("[" * 494 + "]" * 494)
def test_whatever_a_text_says_it_is_tracks_or_refused(text):
    try:
        tracks = parse_tracks(text)
    except ValueError:
        return
    assert (tracks.points_px.abs() <= 100_000).all()
    shown = tracks.visible.any(1)
    again = parse_tracks(tracks.to_json(whole=True))
    assert again.num_trajectories == shown.sum()
    if shown.any():
        assert torch.equal(again.visible, tracks.visible[shown])
