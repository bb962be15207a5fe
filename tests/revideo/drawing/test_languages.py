"""Any text, read by Python and by JavaScript: refused alike, or the same drawing with the same tracks and masks."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from revideo import EditDocument
from tests.fuzzing import fuzz
from tests.javascript import node

ANSWER = Path(__file__).parents[2] / "js/document/answer.js"

# --- Documents -----------------------------------------------------------------------------

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(
        [0, -0.0, -1, 1, 2, 0.5, 1e-9, 100, 101, 1000, 9999.5, 10_001, 1e5, -1e5, 100_000.1, 16_385, 1e300]
    ),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([float("nan"), float("inf")]),  # which are not JSON
    st.integers(),
    st.text(max_size=5),
    st.sampled_from(["", "\x00", "\x85", "\ud800", "\u2028", "😀" * 100, "a" * 101, "p1", "rect", "line", "#12345g"]),
    st.sampled_from([[], {}, [[]], [1, 2], [[1, 2]], {"x": 1, "y": 2}, {"x": 1, "y": 2, "frame": 1}]),
)


KEY_EASINGS = st.sampled_from(
    ["linear", "in", "out", "in-out", "hold", [0.25, 0.1, 0.25, 1], [1, 0, 0, 1], [0.6, -1.5, 0.3, 2.75], [0, -2, 0, 3]]
)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """One that is right, for the most part."""
    width, height, frames = draw(st.integers(1, 90)), draw(st.integers(1, 60)), draw(st.sampled_from([1, 2, 5, 14]))
    # Often on the middles of pixels, often on one spot, sometimes far away.
    coordinate = st.one_of(
        st.integers(-5, 90).map(lambda at: at + 0.5), st.floats(-20, 110), st.sampled_from([7.0, 1e5, -1e5, 33.3333])
    )
    ids = draw(st.lists(st.sampled_from(["p1", "p2", "ä", "é p", "😀"]), unique=True, max_size=3))
    paths = []
    for path_id in ids:
        kind = draw(st.sampled_from(["anchor", "line", "spline", "freehand"]))
        count = 1 if kind == "anchor" else draw(st.integers(1, 7))
        points = [{"x": draw(coordinate), "y": draw(coordinate)} for _ in range(count)]
        for point, frame in zip(points, sorted(draw(st.lists(st.floats(0, frames - 1), unique=True, max_size=count)))):
            point["frame"] = frame
        for point in points:
            point |= draw(optional(easing=KEY_EASINGS))
        if count > 3 and draw(st.booleans()):
            points[-1] = points[0] | {"frame": frames - 1}
        more = optional(
            easing=st.sampled_from(["linear", "in", "out", "in-out"]),
            visible=st.booleans(),
            start=st.sampled_from([0, min(0.5, frames - 1)]),
            end=st.just(frames - 1),
            name=st.sampled_from(["", "a bird", "ä \U0001f600"]),
            color=st.just("#12aBef"),
            locked=st.booleans(),
            group=st.sampled_from(["", "birds"]),
        )
        paths.append({"id": path_id, "kind": kind, "points": points, **draw(more)})
    regions = []
    for number in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(["rect", "ellipse", "polygon", "brush"]))
        count = {"rect": 2, "ellipse": 2, "polygon": draw(st.integers(3, 9)), "brush": draw(st.integers(1, 9))}[kind]
        points = [[draw(coordinate), draw(coordinate)] for _ in range(count)]
        shape = st.lists(st.tuples(coordinate, coordinate).map(list), min_size=count, max_size=count)
        more_of_key = optional(
            move=st.sampled_from([[0, 0], [12.5, -3.25], [-1e5, 1e5]]),
            scale=st.sampled_from([[1, 1], [0.5, 2], [0.001, 3.3333333], [1000, 1000]]),
            rotate=st.sampled_from([0, 90, -180, 360, 33.25, -1234.5678, 36_000]),
            points=shape,
            easing=KEY_EASINGS,
        )
        frames_of_keys = st.lists(st.floats(0, frames - 1), unique=True, min_size=1, max_size=4).map(sorted)
        keys = st.tuples(frames_of_keys, st.lists(more_of_key, min_size=4, max_size=4)).map(
            lambda given: [{"frame": frame} | more for frame, more in zip(*given)]
        )
        several = st.lists(st.sampled_from(ids), unique=True, min_size=1) if ids else st.nothing()
        more = optional(
            mode=st.sampled_from(["add", "subtract"]),
            feather=st.sampled_from([0, 0.01, 3, 25.5, 10_000]),
            visible=st.sampled_from([True, True, True, False]),
            keys=keys,
            locked=st.booleans(),
            group=st.sampled_from(["", "birds"]),
            **({"follow": st.one_of(st.sampled_from(ids), several)} if ids else {}),
        )
        radius = {"radius": draw(st.sampled_from([0.0001, 0.7, 9, 10_000]))} if kind == "brush" else {}
        regions.append({"id": f"r{number}", "kind": kind, "points": points, **draw(more), **radius})
    version = draw(st.sampled_from([1, 2, 2]))
    return {"version": version, "width": width, "height": height, "frames": frames, "paths": paths, "regions": regions}


@st.composite
def changed(draw: st.DrawFn) -> str:
    """The text of one, a few places of which may hold something else, or be missing, or double."""
    document = deepcopy(draw(documents()))  # lists in it are those of the strategies
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        holder, key = draw(st.sampled_from(list(places(document))))
        change = draw(st.sampled_from(["replace", "replace", "remove", "double"]))
        if change == "replace":
            holder[key] = deepcopy(draw(ODD))
        elif change == "remove":
            del holder[key]
        elif isinstance(holder, list):
            holder.insert(key, holder[key])
        else:
            holder[draw(st.sampled_from(["frame", "radius", "start", "end", "follow", "mode", "other"]))] = holder[key]
    text = json.dumps(document, ensure_ascii=draw(st.booleans()))
    if draw(st.sampled_from([False] * 19 + [True])):  # and, now and then, what is no JSON
        at = draw(st.integers(0, len(text)))
        text = (
            text[:at]
            + draw(st.sampled_from(["", ",", "]", '"', "\\", "\ufeff", "0", "\x00", "[" * 101]))
            + text[at + 1 :]
        )
    return text


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Everything that a document holds: in what, and under which name or number."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


# --- Both languages ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def javascript() -> Iterator[Callable[[Any], Any]]:
    with node(ANSWER) as ask:
        yield ask


def respelled(text: str) -> str:
    """JavaScript writes 0.00001 where Python writes 1e-05."""
    return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))


@fuzz(300)
@given(changed(), st.integers(1, 3), st.integers(1, 24), st.integers(1, 33))
def test_both_languages_say_the_same_of_any_text(javascript, text, frames, height, width):
    answer = javascript([text, frames, height, width])
    try:
        document = EditDocument.from_json(text)
    except ValueError as error:
        assert answer == {"refused": str(error)}
        return
    assert document.to_json() == respelled(answer["text"])
    points_px, visible = document.dense_points(frames, height, width)
    assert visible.tolist() == answer["visible"]
    assert_allclose(points_px.ravel(), np.ravel(answer["points"]), atol=1e-6)
    masks = document.mask(frames, height, width).expand(frames, -1, -1, -1)
    assert_allclose(masks.reshape(frames, -1), answer["masks"], atol=1e-6)
    again = EditDocument.from_json(document.to_json(exact=True))
    assert again.to_json(exact=True) == document.to_json(exact=True)
    try:
        document.trajectories(frames, height, width)
    except ValueError as error:
        assert "never enters the frame" in str(error)
