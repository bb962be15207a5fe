"""The regions of a drawing → how much they cover each pixel, all together. js/geometry/masks.js computes the same.

"The mask" of docs/edit_document.md. Tiles of pixels are quartered, and what cannot count in a tile is left
behind there: regions that others outdo in all of it, segments that are nowhere the nearest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .schema import Region
from .shapes import distances_to_ellipse, ellipse_bounds, segments_of, squared_distances, turns

SMALLEST_TILE = 8  # pixels a side
FEW_SEGMENTS = 2**14  # of all tiles together: not worth larger tiles to begin with
SEGMENTS_AT_ONCE = 2**17  # of tiles that are looked at together
SEGMENTS_COMPOSED_AT_ONCE = 2**11  # of the smallest tiles, whose pixels are looked at together
ROUNDING_PX = 1e-6  # more than rounding moves anything
LEAST_FEATHER_PX = 1e-250  # as good as none, and can be divided by


def paint(
    mask: np.ndarray,  # (H, W) float32 in [0, 1], is changed
    regions: Sequence[Region],
    moved_px: Sequence[np.ndarray],  # (2,) x, y of each: how far from where it was drawn
    scale: tuple[float, float],  # x, y: pixels of the drawing in one of the mask
) -> None:
    """Adds regions to a mask, or takes them away, in their order."""
    shapes = [(region, segments_of(region, moved)) for region, moved in zip(regions, moved_px)]
    shapes = [(region, segments) for region, segments in shapes if segments.size]
    if not shapes:
        return
    height, width = mask.shape
    count, size = sum(segments.shape[1] for _, segments in shapes), SMALLEST_TILE
    while size < max(mask.shape) and -(-height // size) * -(-width // size) * count > FEW_SEGMENTS:
        size *= 2
    whole = np.zeros((-(-height // size) * size, -(-width // size) * size), np.float32)  # up to the ends of tiles
    whole[:height, :width] = mask
    painter = _Painter(whole, mask.shape, shapes, scale)
    painter.paint(painter.tiles(size))
    mask[:] = whole[:height, :width]


@dataclass(frozen=True)
class _Tiles:
    """Square tiles of one size, and what counts in each: regions in their order, each with one segment or more."""

    size: int  # pixels a side
    place: np.ndarray  # (2, T) of each tile: column and row, in tiles
    bounds: np.ndarray  # (2, T) the least and the most that is painted there
    tile: np.ndarray  # (R,) of each region in a tile: which tile
    region: np.ndarray  # (R,) which region
    turns: np.ndarray  # (R,) how often it turns around all of the tile, its segments here aside
    owner: np.ndarray  # (S,) of each segment of a region in a tile: which of R
    segment: np.ndarray  # (S,) which segment

    def parts(self, segments: int) -> Iterator[_Tiles]:
        """Some tiles after others: one, or several with no more segments than that."""
        count = self.place.shape[1]
        if count == 1 or len(self.segment) <= segments:
            yield self
            return
        for tiles in (slice(0, count // 2), slice(count // 2, count)):
            regions = slice(*np.searchsorted(self.tile, (tiles.start, tiles.stop)))
            owned = slice(*np.searchsorted(self.owner, (regions.start, regions.stop)))
            yield from _Tiles(
                self.size,
                self.place[:, tiles],
                self.bounds[:, tiles],
                self.tile[regions] - tiles.start,
                self.region[regions],
                self.turns[regions],
                self.owner[owned] - regions.start,
                self.segment[owned],
            ).parts(segments)

    def quarters(self) -> _Tiles:
        """Upper left ones of all, then upper right ones, lower left, lower right."""
        count = self.place.shape[1]
        return _Tiles(
            self.size // 2,
            np.concatenate([2 * self.place + [[right], [down]] for down in (0, 1) for right in (0, 1)], axis=1),
            np.tile(self.bounds, 4),
            np.concatenate([self.tile + quarter * count for quarter in range(4)]),
            np.tile(self.region, 4),
            np.tile(self.turns, 4),
            np.concatenate([self.owner + quarter * len(self.tile) for quarter in range(4)]),
            np.tile(self.segment, 4),
        )


class _Painter:
    """Paints regions on a mask, tile by tile."""

    def __init__(
        self,
        mask: np.ndarray,
        frame: tuple[int, ...],  # height, width: tiles beyond are nobody's
        shapes: Sequence[tuple[Region, np.ndarray]],
        scale: tuple[float, float],
    ) -> None:
        self.mask, self.frame, self.scale = mask, frame, np.array(scale)
        kinds = np.array([region.kind for region, _ in shapes])
        self.ellipse, self.outline = kinds == "ellipse", (kinds == "rect") | (kinds == "polygon")
        self.subtract = np.array([region.mode == "subtract" for region, _ in shapes])
        self.radius = np.array([region.radius or 0.0 for region, _ in shapes])
        self.feather = np.array([region.feather or 0.0 for region, _ in shapes])
        self.counts = np.array([segments.shape[1] for _, segments in shapes])
        self.segments = np.concatenate([segments for _, segments in shapes], axis=1)

    def tiles(self, size: int) -> _Tiles:
        """All of the mask, with all regions in every tile."""
        rows, columns = np.indices((self.mask.shape[0] // size, self.mask.shape[1] // size))
        place = np.stack([columns.ravel(), rows.ravel()])
        count, regions = place.shape[1], len(self.counts)
        return _Tiles(
            size,
            place,
            np.repeat([[float(self.mask.min())], [float(self.mask.max())]], count, axis=1),
            np.repeat(np.arange(count), regions),
            np.tile(np.arange(regions), count),
            np.zeros(count * regions, int),
            np.repeat(np.arange(count * regions), np.tile(self.counts, count)),
            np.tile(np.arange(self.segments.shape[1]), count),
        )

    def paint(self, tiles: _Tiles) -> None:
        """All that counts in tiles, on their pixels."""
        for some in tiles.parts(SEGMENTS_AT_ONCE):
            near = self.near(some)
            if near.size > SMALLEST_TILE and len(near.segment):
                self.paint(near.quarters())
            elif len(near.segment):
                for few in near.parts(SEGMENTS_COMPOSED_AT_ONCE):
                    self.compose(few)

    # --- What counts -----------------------------------------------------------------------

    def near(self, tiles: _Tiles) -> _Tiles:
        """What counts in these tiles, of what counts in those they are quarters of."""
        xs, ys = self.places(tiles, np.array([0.5 * tiles.size]))
        half_x, half_y = (tiles.size - 1) / 2 * self.scale + ROUNDING_PX
        reach = math.hypot(half_x, half_y)
        segments, first, at = self.segments[:, tiles.segment], _first(tiles.owner), tiles.tile[tiles.owner]
        away = np.sqrt(squared_distances(segments, xs[at], ys[at])).ravel()
        least = np.minimum.reduceat(away, first)
        quartered = (tiles.place[0] // 2 + 0.5) * (2 * tiles.size * self.scale[0])
        turned = tiles.turns + _sums(turns(segments, xs[at], ys[at], quartered[at]), first).ravel()
        signed = np.where(self.outline[tiles.region] & (turned != 0), -least, least - self.radius[tiles.region])
        bounds = np.stack([signed - reach, signed + reach])
        ellipse = self.ellipse[tiles.region]
        if ellipse.any():
            x, y = xs[tiles.tile[ellipse], 0], ys[tiles.tile[ellipse], 0]
            bounds[:, ellipse] = ellipse_bounds(segments[:, first[ellipse]], x, y, half_x, half_y)
        needed, painted = self.needed(tiles, _soft(bounds[::-1], self.feather[tiles.region]))
        chosen = needed[tiles.owner] & (away <= (least + 2 * reach)[tiles.owner])
        owner, at = (np.cumsum(needed) - 1)[tiles.owner[chosen]], at[chosen]
        here = turns(segments[:, chosen], xs[at], ys[at], xs[at, 0])
        return _Tiles(
            tiles.size,
            tiles.place,
            painted,
            tiles.tile[needed],
            tiles.region[needed],
            turned[needed] - _sums(here, _first(owner)).ravel(),
            owner,
            tiles.segment[chosen],
        )

    def needed(self, tiles: _Tiles, covers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which regions in tiles count (R,), by the least and the most that they cover there (2, R).

        Where one hides all that is below, that is painted out. Returned with the bounds of what is painted (2, T).
        """
        some = np.flatnonzero(covers[1] > 0)
        tile, subtract, covers = tiles.tile[some], self.subtract[tiles.region[some]], covers[:, some]
        runs = _runs(tile, subtract)
        of_run = np.diff(runs, append=len(some))
        most = np.maximum.reduceat(covers, runs, axis=1)
        shown, painted = _stacked(tile[runs], subtract[runs], most, tiles.bounds)
        (column, row), (height, width) = tiles.place * tiles.size, self.frame
        within = (column < width) & (row < height)
        needed = np.zeros(len(tiles.tile), bool)
        needed[some] = np.repeat(shown, of_run) & (covers[1] > np.repeat(most[0], of_run)) & within[tile]
        column, row = tiles.place[:, painted[0] == painted[1]]
        self.blocks(tiles.size)[row, :, column] = painted[0, painted[0] == painted[1], None, None]
        return needed, painted

    # --- Pixels ----------------------------------------------------------------------------

    def compose(self, tiles: _Tiles) -> None:
        """Paints all pixels of tiles."""
        xs, ys = self.places(tiles, np.arange(tiles.size) + 0.5)
        segments, first, at = self.segments[:, tiles.segment], _first(tiles.owner), tiles.tile[tiles.owner]
        outline, feather = self.outline[tiles.region, None, None], self.feather[tiles.region, None, None]
        away = np.sqrt(np.minimum.reduceat(squared_distances(segments, xs[at], ys[at]), first, axis=0))
        away -= self.radius[tiles.region, None, None]
        middle = (tiles.place[0] + 0.5) * (tiles.size * self.scale[0])
        turned = tiles.turns[:, None, None] + _sums(turns(segments, xs[at], ys[at], middle[at]), first)
        inside = outline & (turned != 0)
        np.negative(away, out=away, where=inside)
        ellipse = self.ellipse[tiles.region]
        if ellipse.any():
            of = tiles.tile[ellipse]
            away[ellipse] = distances_to_ellipse(segments[:, first[ellipse]], xs[of], ys[of])
        crisp = np.where(outline, inside, away < 0)
        cover = np.where(feather > 0, _soft(away, feather), crisp).astype(np.float32)

        subtract = self.subtract[tiles.region]
        runs = _runs(tiles.tile, subtract)
        cover, subtract = np.maximum.reduceat(cover, runs, axis=0), subtract[runs, None, None]
        blocks, (column, row) = self.blocks(tiles.size), tiles.place
        painted = blocks[row, :, column]
        for run, tile in _ranked(tiles.tile[runs]):
            below, new = painted[tile], cover[run]
            painted[tile] = np.where(subtract[run], np.minimum(below, 1 - new), np.maximum(below, new))
        blocks[row, :, column] = painted

    def places(self, tiles: _Tiles, within: np.ndarray) -> np.ndarray:
        """(2, T, n) x of so many columns and y of so many rows, `within` pixels from each tile's corner."""
        return (tiles.place[:, :, None] * tiles.size + within) * self.scale[:, None, None]

    def blocks(self, size: int) -> np.ndarray:
        """(rows, size, columns, size) The mask in tiles."""
        height, width = self.mask.shape
        return self.mask.reshape(height // size, size, width // size, size)


def _soft(away: np.ndarray, feather: np.ndarray) -> np.ndarray:
    """How much is covered at such distances from an outline."""
    cover = 0.5 - away / np.maximum(feather, LEAST_FEATHER_PX)
    return np.minimum(np.maximum(cover, 0, out=cover), 1, out=cover)


def _stacked(
    tile: np.ndarray, subtract: np.ndarray, covers: np.ndarray, bounds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which runs count (n,), of those in each tile (n,) that cover so much at least and at most (2, n).

    `bounds` (2, T) are those of what is painted below; returned with what they are once that is painted out
    where a run hides it.
    """
    shown, lowest = np.zeros(len(tile), bool), np.zeros(bounds.shape[1], int)
    painted, above = bounds.copy(), bounds.copy()
    for run, at in _ranked(tile):
        flip, (low, high) = subtract[run], covers[:, run]
        least, most = np.where(flip, 1 - above[::-1, at], above[:, at])  # that is there, or that is taken away
        hides = (low >= most) & (high > least)
        shown[run] = (high > least) & (high > low)
        lowest[at[hides]] = run[hides]
        painted[:, at[hides]] = np.logical_xor(flip, high == low)[hides]
        new = np.stack([np.maximum(least, low), np.maximum(most, high)])
        above[:, at] = np.where(flip, 1 - new[::-1], new)
    return shown & (np.arange(len(tile)) >= lowest[tile]), painted


def _runs(tile: np.ndarray, subtract: np.ndarray) -> np.ndarray:
    """Where runs of regions of one mode begin, whose order is nothing: what the most of them covers counts."""
    return _first(2 * tile + subtract)


def _first(numbers: np.ndarray) -> np.ndarray:
    """Where each stretch of one number, 0 or more, begins."""
    return np.flatnonzero(np.diff(numbers, prepend=-1))


def _sums(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    return np.add.reduceat(values, first, axis=0, dtype=int)  # of bytes


def _ranked(tile: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The first of each tile, and which tiles these are; then the second of those that have two; …"""
    first = _first(tile)
    counts = np.diff(first, append=len(tile))
    for turn in range(counts.max(initial=0)):
        these = first[counts > turn] + turn
        yield these, tile[these]
