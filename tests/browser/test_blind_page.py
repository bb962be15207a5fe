"""The blind page in a real browser, opened from the disk: voted on by keys and pointer, saved, counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from comfyui_server import needed
from frontend import launch
from playwright.sync_api import Page, expect
from test_editor_access import AXE

from revideo.benchmark.page import BlindPage, ShownClip

METHODS = "alpha", "beta", "gamma"
CLIPS = [f"clip-{number}" for number in range(4)]
ALONE = {"preload": False}  # axe would fetch the style sheet, which it does not need


@pytest.fixture(scope="module")
def blind(tmp_path_factory: pytest.TempPathFactory) -> tuple[BlindPage, Path]:
    """A page of grey videos, and its file."""
    digests = {clip: {method: f"{clip} of {method}" for method in METHODS} for clip in CLIPS}
    prompts = {clip: f"<b>{clip}</b> & more" for clip in CLIPS} | {CLIPS[3]: ""}
    page = BlindPage(3, digests, prompts)

    def shown() -> Iterator[ShownClip]:
        for number, _ in enumerate(CLIPS):
            results = {method: torch.full((4, 3, 64, 96), level / 4) for level, method in enumerate(METHODS, 1)}
            edited = torch.ones(3, 64, 96) if number else None
            yield ShownClip(torch.zeros(4, 3, 64, 96), edited, results, Fraction(8))

    return page, page.write(tmp_path_factory.mktemp("blind"), shown())


@pytest.fixture
def voting(blind: tuple[BlindPage, Path]) -> Iterator[Page]:
    """The page as a voter opens it, who has no network; what fails on it is the test's failure."""
    browser = launch()
    try:
        context = browser.new_context(offline=True, accept_downloads=True)
        page = context.new_page()
        page.set_default_timeout(120_000)
        wrong: list[str] = []
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(("file:", "blob:", "data:")) else wrong.append(asked.url),
        )
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.goto(blind[1].as_uri())
        yield page
        assert wrong == []
    finally:
        browser.close()


def slot_of(blind: BlindPage, number: int, method: str) -> str:
    slots = list(blind.slots.values())[number]
    return next(slot for slot, whose in slots.items() if whose == method)


def save(page: Page, file: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save votes").click()
    assert download.value.suggested_filename.startswith("votes-")
    download.value.save_as(file)
    return file


def test_votes_by_keys_over_all_clips_are_counted_for_whose_they_are(blind, voting, tmp_path):
    page, _ = blind
    for number, _ in enumerate(CLIPS):
        expect(voting.get_by_role("heading", name=f"Clip {number + 1} of 4")).to_be_visible()
        for video in voting.locator("video").all():
            video.evaluate("video => video.readyState >= 2 || new Promise(done => (video.oncanplay = done))")
            assert video.evaluate("video => video.videoWidth") == 96, "the video is shown"
        order = "abc".index(slot_of(page, number, "beta" if number == 3 else "alpha")) + 1
        voting.keyboard.press(f"Digit{order}")
        voting.keyboard.press(f"Shift+Digit{'abc'.index(slot_of(page, number, 'gamma')) + 1}")
        voting.get_by_role("button", name="Next").press("Enter")
    expect(voting.get_by_text("4 of 4 clips voted on")).to_be_visible()
    votes = page.count([save(voting, tmp_path / "votes.json")])
    assert votes.chosen == {"overall": {"alpha": 3, "beta": 1}, "target": {"gamma": 4}}
    saved = json.loads((tmp_path / "votes.json").read_text())
    assert (saved["page"], saved["seed"], len(saved["votes"])) == (page.id, 3, 4)
    assert not [method for method in METHODS if method in (tmp_path / "votes.json").read_text()]


def test_a_voter_can_go_back_change_and_reload(blind, voting, tmp_path):
    page, _ = blind
    following = voting.get_by_role("button", name="Next")
    overall = voting.get_by_role("group", name="Best overall")
    target = voting.get_by_role("group", name="Best at the editing target")
    expect(voting.get_by_role("button", name="Back")).to_be_disabled()
    following.click()
    expect(voting.get_by_text("Clip 1 of 4")).to_be_visible()  # nothing is left out
    expect(overall.get_by_label("A")).to_be_focused()
    overall.get_by_label("A").check()
    following.click()
    expect(target.get_by_label("A")).to_be_focused()
    voting.keyboard.press("ArrowDown")  # as in any group of radio buttons
    expect(target.get_by_label("B")).to_be_checked()
    following.click()
    expect(voting.get_by_text("Clip 2 of 4")).to_be_visible()
    voting.get_by_role("button", name="Back").click()
    expect(overall.get_by_label("A")).to_be_checked()
    overall.get_by_label("C").check()
    voting.reload()
    expect(voting.get_by_text("Clip 1 of 4")).to_be_visible()
    expect(overall.get_by_label("C")).to_be_checked()
    expect(target.get_by_label("B")).to_be_checked()
    for _ in CLIPS:
        if not overall.get_by_role("radio", checked=True).count():
            overall.get_by_label("A").check()
            target.get_by_label("A").check()
        following.click()
    voting.get_by_role("button", name="Back").locator("visible=true").click()
    expect(voting.get_by_text("Clip 4 of 4")).to_be_visible()
    following.click()
    saved = json.loads(save(voting, tmp_path / "votes.json").read_text())
    assert saved["votes"][0] == {"clip": "001", "overall": "c", "target": "b"}
    assert page.count([tmp_path / "votes.json"]).n == 4


def test_texts_are_texts_and_axe_finds_nothing(voting):
    expect(voting.get_by_text("<b>clip-0</b> & more")).to_be_visible()
    expect(voting.get_by_alt_text("The edited first frame")).to_be_hidden()
    voting.evaluate(Path(needed("REVIDEO_AXE")).read_text("utf-8"))
    for clip in CLIPS:
        assert voting.evaluate(AXE, ["html", ALONE]) == []
        voting.keyboard.press("Digit1")
        voting.keyboard.press("Shift+Digit2")
        assert (clip, voting.evaluate(AXE, ["html", ALONE])) == (clip, [])
        voting.get_by_role("button", name="Next").click()
    assert voting.evaluate(AXE, ["html", ALONE]) == []
    voting.evaluate("document.getElementById('save').textContent = ''")
    [[rule, _]] = voting.evaluate(AXE, ["html", ALONE])
    assert rule == "button-name"  # a flaw would be found
