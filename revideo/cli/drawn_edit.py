"""Paths and areas as files give them: tracks of any program, or a document; read and checked before the clip is."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..drawing.document import EditDocument
from ..files import read_text
from ..tracks.npy import TrackArray, read_npy
from ..tracks.tracks_text import parse_tracks
from ..tracks.trajectories import Trajectories
from ..video.fitting import Fit, fit_frames
from ..video.pixels import as_mask


@dataclass(frozen=True)
class DrawnEdit:
    """Paths and areas as they were given: tracks, or a document with both, or neither."""

    tracks: Trajectories | TrackArray | None
    document: EditDocument | None
    tracks_size: tuple[int, int] | None = None  # width and height of the picture they were drawn on, where given

    def tracks_over(self, num_frames: int) -> Trajectories | None:
        """`num_frames`: of the clip, by which the axes of an array are told apart; ValueError where they are not."""
        if not isinstance(self.tracks, TrackArray):
            return self.tracks
        tracks = self.tracks.tracks(num_frames)
        if self.tracks_size is None:
            tracks.check_pixels(_PARTS)
        return tracks


_PARTS = "say so by --tracks-size 1x1"


def read_drawn(arguments: argparse.Namespace) -> DrawnEdit:
    """Tracks or document, as they were given."""
    if arguments.document and (arguments.tracks or arguments.tracks_size):
        raise ValueError("--document has paths and a size of its own: leave out --tracks and --tracks-size")
    tracks = _read_tracks(arguments.tracks, arguments.tracks_size) if arguments.tracks else None
    document = None
    if arguments.document:
        text = read_text(arguments.document, "JSON")
        try:
            document = EditDocument.from_json(text)
        except ValueError:
            if _are_tracks(text):
                message = f"{arguments.document} holds tracks, no drawing: give it as --tracks, beside a --mask"
                raise ValueError(message) from None
            raise
    return DrawnEdit(tracks, document, arguments.tracks_size)


def check_drawn_mask(document: EditDocument, file: Path) -> None:
    """ValueError where nothing in a document's list could be masked, however long and large the clip is."""
    if not document.adds_to_mask:
        raise ValueError(
            f"{file} has no area that is shown and added to the mask, so nothing could change: draw one in the "
            f"editor, or give --whole-frame where everything may change"
        )


def _read_tracks(file: Path, size: tuple[int, int] | None) -> Trajectories | TrackArray:
    """`size`: width and height of the picture they were drawn on, where it was given."""
    array = read_npy(file.read_bytes())
    if array:
        print(f"{file}: read as an array of shape {array.shape}", file=sys.stderr)
        return array
    tracks = parse_tracks(read_text(file, "tracks"), size)
    if size is None:
        tracks.check_pixels(_PARTS)
    else:
        tracks.check_size(size, "leave out --tracks-size")
    if tracks.read_as:
        print(f"{file}: {tracks.read_as}", file=sys.stderr)
    return tracks


def _are_tracks(text: str) -> bool:
    try:
        parse_tracks(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class DocumentMasks:
    """Masks of an edit document."""

    document: EditDocument
    frames: int  # of the whole clip
    source_size: tuple[int, int]
    size: tuple[int, int]
    fit: Fit

    def read(self, start: int, stop: int) -> Tensor:
        drawn_on = document_size(self.document, self.source_size, self.size, self.fit)
        masks = self.document.mask(self.frames, *drawn_on, range(start, stop))
        return as_mask(masks if drawn_on == self.size else fit_frames(masks, *self.size, self.fit))


def document_size(
    document: EditDocument, source_size: tuple[int, int], size: tuple[int, int], fit: Fit
) -> tuple[int, int]:
    """What a document is drawn out on: the fitted frames themselves where that is the same, else the clip's."""
    return size if fit == "stretch" or (document.height, document.width) == size else source_size
