"""The blind page: nothing on it says whose a result is; what was chosen is counted, or refused in a sentence."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from hypothesis import given

from revideo.benchmark.page import BlindPage, ShownClip
from revideo.video.io import read_video
from tests.fuzzing import damaged, damages, fuzz

METHODS = "alpha", "beta", "gamma"
LEVELS = {"alpha": 0.2, "beta": 0.5, "gamma": 0.8}  # of grey, by which a result is known again
CLIPS = [f"c{number}" for number in range(12)]


def a_page(seed: int = 0, clips: list[str] = CLIPS, **changes: str) -> BlindPage:
    digests = {clip: {method: changes.get(method, f"{clip} {method}") for method in METHODS} for clip in clips}
    return BlindPage(seed, digests, {clip: f"prompt of {clip}" for clip in clips})


def votes_of(page: BlindPage, overall: str, target: str, voter: str = "v") -> dict:
    """Of somebody who always sees through it."""
    votes = []
    for number, slots in page.slots.items():
        slot_of = {method: slot for slot, method in slots.items()}
        votes.append({"clip": number, "overall": slot_of[overall], "target": slot_of[target]})
    content = {"format": "revideo-votes", "version": 1, "page": page.id, "seed": page.seed, "voter": voter}
    return {**content, "votes": votes}


def save(file: Path, content: object) -> Path:
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def shown(page: BlindPage):
    for _ in page.digests:
        results = {method: torch.full((2, 3, 16, 16), level) for method, level in LEVELS.items()}
        yield ShownClip(torch.zeros(2, 3, 16, 16), torch.ones(3, 16, 16), results, Fraction(8))


def test_an_order_is_drawn_for_each_clip_the_same_every_time_and_another_by_another_seed():
    one = a_page()
    assert one.slots == a_page().slots != a_page(seed=1).slots
    assert all(sorted(slots.values()) == list(METHODS) for slots in one.slots.values())
    assert len({tuple(slots.values()) for slots in one.slots.values()}) > 2


def test_another_result_seed_or_prompt_is_another_page():
    pages = [a_page(), a_page(seed=1), a_page(beta="another"), a_page(clips=CLIPS[:3])]
    assert len({page.id for page in pages}) == 4
    assert a_page().id == a_page().id


def test_a_page_holds_every_result_in_its_slot_and_no_method_s_name(tmp_path):
    page = a_page(clips=CLIPS[:3])
    door = page.write(tmp_path, shown(page))
    assert door == tmp_path / f"page-{page.id}" / "index.html"
    names = {file.name for file in door.parent.iterdir()}
    assert {"index.html", "page.js", "page.css", "clips.js", "001-source.mp4", "003-edited.png"} <= names
    for number, slots in page.slots.items():
        for slot, method in slots.items():
            frames, _ = read_video(door.parent / f"{number}-{slot}.mp4")
            assert float(frames.mean()) == pytest.approx(LEVELS[method], abs=0.02)
    for file in door.parent.iterdir():
        content = file.name.encode() + file.read_bytes()
        assert not [method for method in METHODS if method.encode() in content], file
        assert not [digest for digest in page.digests["c0"].values() if digest.encode() in content], file
    key = json.loads((tmp_path / f"page-{page.id}.key.json").read_text())
    assert key["slots"] == page.slots and key["clips"] == CLIPS[:3]


def test_a_page_that_is_there_is_left_as_it_is(tmp_path):
    page = a_page(clips=CLIPS[:1])
    door = page.write(tmp_path, shown(page))
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    assert page.write(tmp_path, iter(())) == door
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before


def test_votes_are_counted_for_the_method_behind_the_slot(tmp_path):
    page = a_page()
    files = [
        save(tmp_path / "a.json", votes_of(page, "alpha", "beta", "one")),
        save(tmp_path / "b.json", votes_of(page, "alpha", "gamma", "two")),
        save(tmp_path / "c.json", votes_of(page, "beta", "gamma", "three")),
    ]
    votes = page.count(files)
    assert (votes.n, votes.voters) == (36, 3)
    assert votes.chosen == {"overall": {"alpha": 24, "beta": 12}, "target": {"beta": 12, "gamma": 24}}


def changed(**fields: object):
    return lambda content: {**content, **fields}


def without_last(content: dict) -> dict:
    return {**content, "votes": content["votes"][:-1]}


def twice(content: dict) -> dict:
    return {**content, "votes": [*content["votes"][:-1], content["votes"][0]]}


def a_slot(slot: object):
    return lambda content: {**content, "votes": [{**content["votes"][0], "target": slot}, *content["votes"][1:]]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed(page="0123456789abcdef"), "holds votes of page '0123456789abcdef'"),
        (changed(format="other"), "damaged"),
        (changed(version=2), "damaged"),
        (changed(voter=None), "damaged"),
        (changed(votes=None), "damaged"),
        (changed(votes=[1]), "damaged"),
        (without_last, "damaged"),
        (twice, "damaged"),
        (a_slot("z"), "damaged"),
        (a_slot(["a"]), "damaged"),
        (lambda content: json.dumps(content)[:-20], "damaged"),
        (lambda _: "[" * 100_000, "damaged"),
        (lambda _: "[]", "damaged"),
        (lambda _: "\x00\xff", "damaged"),
    ],
)
def test_votes_of_another_page_or_damaged_ones_are_refused_by_their_file(tmp_path, change, said):
    page = a_page()
    good = save(tmp_path / "good.json", votes_of(page, "alpha", "beta"))
    bad = save(tmp_path / "bad.json", change(votes_of(page, "alpha", "beta", "other")))
    with pytest.raises(ValueError, match=said) as error:
        page.count([good, bad])
    assert "bad.json" in str(error.value) and "good.json" not in str(error.value) and "\n" not in str(error.value)


@fuzz(60)
@given(damage=damages())
def test_any_votes_are_counted_for_methods_that_are_there_or_refused(tmp_path_factory, damage):
    page = a_page(clips=CLIPS[:2])
    file = tmp_path_factory.getbasetemp() / "any.json"
    file.write_bytes(damaged(json.dumps(votes_of(page, "alpha", "beta")).encode(), damage))
    try:
        votes = page.count([file])
    except ValueError as refused:
        assert "any.json" in str(refused) and "\n" not in str(refused)
    else:
        assert all(set(chosen) <= set(METHODS) and sum(chosen.values()) == 2 for chosen in votes.chosen.values())


def test_one_voter_counts_once(tmp_path):
    page = a_page()
    files = [save(tmp_path / name, votes_of(page, "alpha", "beta")) for name in ("a.json", "b.json")]
    with pytest.raises(ValueError, match=r"a\.json and .*b\.json are of one voter"):
        page.count(files)


def test_a_page_needs_several_methods():
    with pytest.raises(ValueError, match="2 to 26 methods, not the 1 of clip c"):
        BlindPage(0, {"c": {"alpha": "1"}}, {"c": ""})
