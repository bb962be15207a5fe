"""A page on which people choose the best result of each clip without knowing whose it is, and what they chose.

FOLDER/page-ID/                  to be handed out: index.html, which opens from the disk, and all it shows
FOLDER/page-ID.key.json          which slot is whose; it stays here
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ..files import read_text, whole_file
from ..pictures.sheets import write_image
from ..video.io import write_video
from .results import digest_of
from .tables import VOTED, Votes

STATIC = Path(__file__).parent / "static"
SLOTS = "abcdefghijklmnopqrstuvwxyz"  # what results are called on the page
PAGE_CRF = 12  # of its videos: no codec is to be seen
VOTES_VERSION = 1
VOTES_BYTES_MAX = 10**7


@dataclass(frozen=True)
class ShownClip:
    """A clip as voters see it."""

    source: Tensor  # (T, 3, H, W) in [0, 1]
    edited_frame: Tensor | None  # (3, H, W)
    results: Mapping[str, Tensor]  # by method, of the source's length and size
    rate: Fraction  # frames per second


@dataclass(frozen=True)
class BlindPage:
    """Which clips are compared on a page, in what order, and whose is which slot."""

    seed: int
    digests: Mapping[
        str, Mapping[str, str]
    ]  # clip: method: of all that is shown, so that another result is another page
    prompts: Mapping[str, str]  # by clip

    def __post_init__(self) -> None:
        for clip, methods in self.digests.items():
            if not 2 <= len(methods) <= len(SLOTS):
                raise ValueError(f"a page compares 2 to {len(SLOTS)} methods, not the {len(methods)} of clip {clip}")

    @property
    def id(self) -> str:
        return digest_of("page", self.seed, self.digests, self.prompts)[:16]

    @property
    def slots(self) -> dict[str, dict[str, str]]:
        """Clip's number: slot: method. The order is drawn from the seed and from digests that no page holds."""
        drawn = {}
        for number, (clip, methods) in enumerate(self.digests.items(), 1):
            order = np.random.default_rng(int(digest_of("order", self.seed, clip, methods), 16)).permutation(
                len(methods)
            )
            drawn[f"{number:03d}"] = {slot: sorted(methods)[place] for slot, place in zip(SLOTS, order)}
        return drawn

    def write(self, folder: Path, shown: Iterator[ShownClip]) -> Path:
        """Writes what is not there yet; `shown` in the order of the clips. Gives the file to open."""
        target = folder / f"page-{self.id}"
        door, key = target / "index.html", folder / f"page-{self.id}.key.json"
        if door.exists() and key.exists():
            return door
        target.mkdir(parents=True, exist_ok=True)
        with whole_file(key) as unfinished:
            content = {"page": self.id, "seed": self.seed, "clips": list(self.digests), "slots": self.slots}
            unfinished.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
        entries: list[dict[str, Any]] = []
        for (number, slots), clip, prompt in zip(self.slots.items(), shown, self.prompts.values()):
            write_video(target / f"{number}-source.mp4", clip.source, clip.rate, PAGE_CRF)
            if clip.edited_frame is not None:
                write_image(target / f"{number}-edited.png", clip.edited_frame)
            for slot, method in slots.items():
                write_video(target / f"{number}-{slot}.mp4", clip.results[method], clip.rate, PAGE_CRF)
            entries.append(
                {"clip": number, "slots": list(slots), "prompt": prompt, "edited": clip.edited_frame is not None}
            )
        with whole_file(target / "clips.js") as unfinished:
            content = {"page": self.id, "seed": self.seed, "version": VOTES_VERSION, "clips": entries}
            unfinished.write_text(f"globalThis.COMPARED = {json.dumps(content)};\n", "utf-8")
        for name in ("page.css", "page.js", "index.html"):  # the door last
            with whole_file(target / name) as unfinished:
                shutil.copyfile(STATIC / name, unfinished)
        return door

    def count(self, files: Sequence[Path]) -> Votes:
        """What was chosen in files that the page saved. ValueError or OSError names the one that cannot be counted."""
        chosen: dict[str, Counter[str]] = {question: Counter() for question in VOTED}
        voters: dict[str, Path] = {}
        slots = self.slots
        for file in files:
            voter, votes = _read_votes(file, self.id, slots)
            if voter in voters:
                raise ValueError(f"{voters[voter]} and {file} are of one voter: leave one of them out")
            voters[voter] = file
            for number, choice in votes.items():
                for question in VOTED:
                    chosen[question][slots[number][choice[question]]] += 1
        return Votes(chosen, len(voters) * len(slots), len(voters))


class _WrongPage(Exception):
    """Votes of another page."""


def _read_votes(file: Path, page: str, slots: Mapping[str, Mapping[str, str]]) -> tuple[str, dict[str, dict[str, str]]]:
    """Who voted, and for each clip and question the slot."""
    damaged = f"{file} is damaged, or no file of votes: take the one that the page saved"
    if file.stat().st_size > VOTES_BYTES_MAX:
        raise ValueError(damaged)
    try:
        given = json.loads(read_text(file, "votes"))
        if given["format"] != "revideo-votes" or given["version"] != VOTES_VERSION:
            raise ValueError
        voter, of_page = given["voter"], given["page"]
        votes = [(vote["clip"], {question: vote[question] for question in VOTED}) for vote in given["votes"]]
        if not isinstance(voter, str) or not isinstance(of_page, str):
            raise ValueError
        if of_page != page:
            raise _WrongPage
        choices = dict(votes)
        whole = len(votes) == len(slots) and set(choices) == set(slots)
        if not whole or any(slot not in slots[clip] for clip, choice in votes for slot in choice.values()):
            raise ValueError
    except _WrongPage:
        raise ValueError(
            f"{file} holds votes of page {of_page[:40]!r}, and these results are on page {page}: they cannot be counted"
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError(damaged) from None
    return voter, choices
