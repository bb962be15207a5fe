"""What a benchmark is of, as a file says it: our own TOML, or the YAML of V2VBench for folders of results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from ..evaluation.v2vbench import NAME, read_index
from ..training.config_file import read_tables
from ..training.keys import File, Table, key

VIDEO_ENDINGS = (".mp4", ".mkv", ".mov", ".webm", ".gif", "")  # of somebody's results; "": a folder of pictures
LONGEST_SIDE_PX = 16384  # pixels, as of a drawing
NAME_MAX = 100  # characters
LONGEST_TEXT = 10_000  # characters of a prompt


def _check_entry_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} names files, so it must be 1 to 100 letters, digits, - and _")
    return name


def _check_pixels(text: str) -> str:
    width, _, height = text.partition("x")
    sides = [int(side) if side.isascii() and side.isdecimal() and len(side) < 6 else 0 for side in (width, height)]
    if not all(1 <= side <= LONGEST_SIDE_PX for side in sides):
        raise ValueError(f"{text!r} is no size: write WIDTHxHEIGHT, as 576x320, each at most {LONGEST_SIDE_PX}")
    return text


def _check_methods(methods: dict[str, Any]) -> dict[str, Any]:
    if not methods:
        raise ValueError("name at least one: a table of options, or a folder of results")
    for name, method in methods.items():
        _check_entry_name(name)
        if not isinstance(method, (str, dict)) or method == "":
            raise ValueError(f"{name} must be a table of options or a folder of results, not {method!r}")
    twice = _first_twice(methods)
    if twice:
        raise ValueError(f"{twice!r} stands there twice, but for capital letters, which not all disks tell apart")
    return methods


EntryName = Annotated[str, AfterValidator(_check_entry_name)]
Pixels = Annotated[str, AfterValidator(_check_pixels)]
Prompt = Annotated[str, Field(max_length=LONGEST_TEXT)]


class BenchmarkClip(Table):
    """A clip and the edit of it that every method is to make."""

    name: EntryName = key(..., "letters, digits, - and _; somebody's results are files of this name")
    video: File = key(..., "the clip, as revideo edit reads one")
    edited_frame: File = key("", "the edited first frame")
    document: File = key("", "paths and area as drawn in the editor")
    mask: File = key("", "the area, without a document")
    tracks: File = key("", "the paths, without a document")
    whole_frame: bool = key(False, "everything may change")
    prompt: Prompt = key("", "describes the result, for CLIP and for people who vote")
    type: Literal["foreground", "background", "style", "composite", ""] = key("", "what kind of edit it is")
    seed: int | None = key(None, "of the noise; left out: the method's own", 0, 2**64 - 1)
    start: int = key(0, "the first frame", 0, 10**9)
    frames: int | None = key(None, "how many; left out: the manifest's", 1, 10**6)
    stride: int | None = key(None, "every how manyth frame; left out: the manifest's", 1, 10**6)


class BenchmarkManifest(Table):
    """The whole file."""

    clips: list[BenchmarkClip] = Field(..., description="write at least one [[clips]]", min_length=1)
    methods: Annotated[dict[str, Any], AfterValidator(_check_methods)] = key(
        ..., "what is compared, each a table of options or a folder of results"
    )
    output: File = key("", "folder of results, tables and page; empty: beside the manifest, by its name")
    frames: int | None = key(None, "of each clip; left out: as many as the models edit at once, or all", 1, 10**6)
    stride: int = key(1, "take every N-th frame", 1, 10**6)
    size: Pixels | None = key(None, "what is worked at and measured, as --size of revideo edit")
    size_policy: Literal["area", "longest side", "exact"] = key("area", "as of revideo edit")
    fit: Literal["stretch", "crop", "pad"] = key("stretch", "as of revideo edit")
    timing: Literal["stretch", "as drawn"] = key("stretch", "as of revideo edit")
    feather: float = key(12.0, "of the seam where the source is put back, in pixels", 0, 10_000)
    match: Literal["none", "colours", "gradients"] = key("none", "as of revideo edit")
    seed: int = key(0, "of the order that results are shown in, and of the intervals", 0, 2**32 - 1)

    @model_validator(mode="after")
    def _check_names(self) -> BenchmarkManifest:
        twice = _first_twice([clip.name for clip in self.clips])
        if twice:
            raise ValueError(f"two clips are called {twice!r}")
        return self


@dataclass(frozen=True)
class BenchmarkPlan:
    """What a benchmark is of, whichever file said it; all paths lead from where the program runs."""

    clips: Sequence[BenchmarkClip]
    options: dict[str, dict[str, Any]]  # of methods of ours, by their names
    folders: dict[str, Path]  # of somebody's results, by the method's name
    results: dict[str, str]  # by the clip's name: what its result is called in such a folder
    output: Path
    settings: BenchmarkManifest  # what holds for all clips; its own clips and methods are those above

    @property
    def methods(self) -> list[str]:
        """All names, in the order of the file."""
        return list(self.settings.methods)


def read_manifest(path: Path) -> BenchmarkPlan:
    """Our TOML; paths in it count from its own folder. ValueError names file and key, OSError the file."""
    manifest = read_tables(path, BenchmarkManifest, "manifest")
    options = {name: given for name, given in manifest.methods.items() if isinstance(given, dict)}
    folders = {name: path.parent / given for name, given in manifest.methods.items() if isinstance(given, str)}
    output = Path(manifest.output) if manifest.output else _beside(path)
    results = {clip.name: clip.name for clip in manifest.clips}
    return BenchmarkPlan(manifest.clips, options, folders, results, output, manifest)


def read_v2vbench(path: Path, folders: dict[str, Path], sources: Path | None = None) -> BenchmarkPlan:
    """V2VBench's configuration as it is, for `folders` of results by their methods' names.

    A source is `sources`/VIDEO_ID (None: source_videos beside the file), a result FOLDER/VIDEO_ID/N for prompt N of
    the clip, each a video or a folder of pictures. No area is named there, so all of a frame counts as edited.
    Raises ValueError that names the file and what is wrong in it, or OSError.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    folders = folders or {"edited_videos": path.parent / "edited_videos"}
    methods = _check_methods({name: str(folder) for name, folder in folders.items()})
    sources = sources or path.parent / "source_videos"
    clips, results = [], {}
    for entry in read_index(path)["data"]:
        video_id = entry["video_id"]
        if not isinstance(video_id, str) or not NAME.fullmatch(video_id):
            raise ValueError(f'{path}: "{video_id}" cannot name a clip: use 1 to 100 letters, digits, - and _')
        video = str(find_video(sources, video_id))
        for number, edit in enumerate(entry["edit"]):
            if not isinstance(edit["prompt"], str):
                raise ValueError(f"{path}: prompt {number} of {video_id} is no text")
            name, kind = f"{video_id}-{number}"[-NAME_MAX:], edit.get("type")
            given: dict[str, Any] = {
                "name": name,
                "video": video,
                "prompt": edit["prompt"][:LONGEST_TEXT],
                "whole_frame": True,
            }
            given["type"] = kind.lower()[:NAME_MAX] if isinstance(kind, str) else ""  # of whichever name
            clips.append(BenchmarkClip.model_construct(**given))
            results[name] = f"{video_id}/{number}"
    if not clips:
        raise ValueError(f"{path} lists no edit")
    twice = _first_twice(clip.name for clip in clips)
    if twice:
        raise ValueError(f"{path}: two edits would be called {twice!r}")
    settings = BenchmarkManifest.model_construct(methods=methods, clips=[])
    return BenchmarkPlan(clips, {}, folders, results, _beside(path), settings)


def find_video(folder: Path, name: str) -> Path:
    """A video or a folder of pictures of this name; FileNotFoundError that says where it was expected."""
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    for ending in VIDEO_ENDINGS:
        file = folder / f"{name}{ending}"
        if file.is_dir() if ending == "" else file.is_file():
            return file
    raise FileNotFoundError(f"{folder} has no {name}: give a video {name}.mp4, or a folder {name} of pictures")


def _beside(path: Path) -> Path:
    return path.parent / f"{path.stem}-results"


def _first_twice(names: Iterable[str]) -> str | None:
    """Of names that may be files, the first that stands there twice."""
    count = Counter(name.lower() for name in names)
    return next((name for name, times in count.items() if times > 1), None)
