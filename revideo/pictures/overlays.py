"""Pictures for people: paths and areas over the frames, motion as colour."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

from ..conditions import Conditions
from ..tracks.trajectories import Trajectories
from ..video.fitting import describe_frames
from ..video.levels import to_uint8
from ..video.pixels import as_mask
from .sheets import Colour, draw_text, side_by_side, text_size

OUTLINE: Colour = (12, 12, 14)
MASK_LINE: Colour = (255, 255, 255)
OUTSIDE_LIGHT = 0.55  # how much light is left outside the area
OUTSIDE_COLOUR = 0.5  # how much of its colour
FAINT = 0.45  # opacity of the part of a path that lies ahead or behind the trail
SUBPIXEL_BITS = 4
LEGEND_FROM_PX = 160  # a wheel on a smaller frame would hide what it explains


# --- Paths and areas over frames -----------------------------------------------------------


def draw_tracks(frames: Tensor, trajectories: Trajectories, trail: int | None = None) -> Tensor:
    """Frames (T, 3, H, W) in [0, 1] with each path as a line and a dot where its point stands.

    The whole path is faint, its last `trail` frames up to now are strong (None: all that is
    travelled). A hidden point has no dot and interrupts the line. Frames beyond the paths'
    last show that one. Pixels that nothing is drawn on stay as they are.
    """
    if trajectories.num_trajectories == 0 or trajectories.num_frames == 0:
        return frames.clone()
    visible = trajectories.visible.bool().cpu().numpy()
    points_px = np.where(visible[..., None], trajectories.points_px.float().cpu().numpy(), 0)
    drawn = []
    for number, frame in enumerate(frames):
        now = min(number, trajectories.num_frames - 1)
        since = 0 if trail is None else max(now - trail, 0)

        def draw(canvas: np.ndarray, now: int = now, since: int = since) -> None:
            faint = canvas.copy()
            for path in range(len(points_px)):
                _draw_path(faint, points_px[path], visible[path], path_colour(path))
            cv2.addWeighted(faint, FAINT, canvas, 1 - FAINT, 0, dst=canvas)
            strong = slice(since, now + 1)
            for path in range(len(points_px)):
                _draw_path(canvas, points_px[path, strong], visible[path, strong], path_colour(path))
            for path in range(len(points_px)):  # above every line
                if visible[path, now]:
                    _draw_dot(canvas, points_px[path, now], path_colour(path))

        drawn.append(_paint(frame, draw))
    return torch.stack(drawn)


def mark_lost(frames: Tensor, trajectories: Trajectories) -> Tensor:
    """Frames (T, 3, H, W) in [0, 1] with a cross where each hidden point of T frames would stand."""
    hidden = ~trajectories.visible.bool().cpu().numpy()
    points_px = trajectories.points_px.nan_to_num().float().cpu().numpy()

    def marked(number: int, frame: Tensor) -> Tensor:
        def draw(canvas: np.ndarray) -> None:
            radius, width, outline = _line_widths(canvas)
            for colour, thickness in ((OUTLINE, outline), (None, width)):
                for path in np.flatnonzero(hidden[:, number]).tolist():
                    for dx, dy in ((radius, radius), (radius, -radius)):
                        ends = points_px[path, number] + np.array([[-dx, -dy], [dx, dy]], np.float32)
                        line = _fixed_point(ends).reshape(-1, 1, 2)
                        paint = colour or path_colour(path)
                        cv2.polylines(canvas, [line], False, paint, thickness, cv2.LINE_AA, SUBPIXEL_BITS)

        return _paint(frame, draw)

    return torch.stack([marked(number, frame) for number, frame in enumerate(frames)])


def path_colour(path: int) -> Colour:
    """Bright, the same for a path whatever others there are; neighbours lie far apart in hue."""
    hue = (0.14 + path * 0.381966) % 1  # golden angle
    pure = np.array(colorsys.hsv_to_rgb(hue, 0.85, 1.0))
    luma = float(pure @ (0.299, 0.587, 0.114))
    red, green, blue = np.round(255 * (pure + max(0.55 - luma, 0) * (1 - pure))).astype(int).tolist()  # blue is dark
    return red, green, blue


def draw_mask(frames: Tensor, mask: Tensor) -> Tensor:
    """Frames (T, 3, H, W) in [0, 1] with what lies outside the mask dimmed, and its outline.

    `mask` (1 or T, 1, H, W), 0.5 and above inside; ValueError for another size or number of frames.
    """
    if mask.shape[-2:] != frames.shape[-2:] or len(mask) not in (1, len(frames)):
        raise ValueError(
            f"the mask is {describe_frames(mask)}, the frames are {describe_frames(frames)}: "
            f"give one mask for all frames or one for each, of the frames' size"
        )
    masks = as_mask(mask).expand(len(frames), -1, -1, -1)
    grey = frames.mean(1, keepdim=True)
    outside = OUTSIDE_LIGHT * torch.lerp(grey, frames, OUTSIDE_COLOUR)
    dimmed = torch.where(masks, frames, outside)

    def outlined(frame: Tensor, mask: Tensor) -> Tensor:
        shapes, _ = cv2.findContours(mask[0].cpu().numpy().astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        _, width, outline = _line_widths(frame)

        def draw(canvas: np.ndarray) -> None:
            thin = max(width // 2, 1)  # the paths matter more
            cv2.polylines(canvas, shapes, True, OUTLINE, outline - width + thin, cv2.LINE_AA)
            cv2.polylines(canvas, shapes, True, MASK_LINE, thin, cv2.LINE_AA)

        return _paint(frame, draw)

    return torch.stack([outlined(frame, mask) for frame, mask in zip(dimmed, masks)])


def _draw_path(canvas: np.ndarray, points_px: np.ndarray, visible: np.ndarray, colour: Colour) -> None:
    _, width, outline = _line_widths(canvas)
    points = _fixed_point(points_px)
    lines = []  # unbroken stretches
    for start, stop in _stretches(visible):
        lines.append(points[start:stop].reshape(-1, 1, 2))
    for line_colour, thickness in ((OUTLINE, outline), (colour, width)):
        cv2.polylines(canvas, lines, False, line_colour, thickness, cv2.LINE_AA, SUBPIXEL_BITS)


def _draw_dot(canvas: np.ndarray, point_px: np.ndarray, colour: Colour) -> None:
    radius, width, outline = _line_widths(canvas)
    centre = tuple(_fixed_point(point_px).tolist())
    rim = (outline - width) / 2
    discs = [(OUTLINE, radius + rim), (colour, radius), ((255, 255, 255), radius * 0.45)]
    for disc_colour, disc_radius in discs if radius > 6 else discs[:2]:  # a tiny core is no circle
        fixed_radius = round(disc_radius * 2**SUBPIXEL_BITS)
        cv2.circle(canvas, centre, fixed_radius, disc_colour, -1, cv2.LINE_AA, SUBPIXEL_BITS)


def _line_widths(frame: Tensor | np.ndarray) -> tuple[float, int, int]:
    """Dot radius, line and outline in pixels, for a frame (3, H, W) or a canvas (H, W, 3)."""
    height, width = frame.shape[-2:] if isinstance(frame, Tensor) else frame.shape[:2]
    diagonal = math.hypot(height, width)
    line = round(1 + diagonal / 520)
    return 1.5 + 1.8 * line, line, line + 2 * max(1, round(diagonal / 900))


def _fixed_point(points_px: np.ndarray) -> np.ndarray:
    """OpenCV's whole numbers for places between pixels; x = 10.5 is the middle of pixel 10."""
    far_away = 2**14  # keeps points outside the frame within OpenCV's range
    return np.round((points_px.clip(-far_away, far_away) - 0.5) * 2**SUBPIXEL_BITS).astype(np.int32)


def _stretches(visible: np.ndarray) -> list[tuple[int, int]]:
    """Start and stop of each unbroken run of visible points."""
    changes = np.flatnonzero(np.diff(np.concatenate([[0], visible.astype(np.int8), [0]])))
    return [(int(start), int(stop)) for start, stop in changes.reshape(-1, 2)]


def _paint(frame: Tensor, draw: Callable[[np.ndarray], None]) -> Tensor:
    """`draw` changes an (H, W, 3) uint8 canvas of the frame; untouched pixels keep their exact values."""
    before = to_uint8(frame).permute(1, 2, 0).cpu().numpy()
    canvas = np.ascontiguousarray(before.copy())
    draw(canvas)
    changed = torch.from_numpy((canvas != before).any(-1)).to(frame.device)
    painted = torch.from_numpy(canvas).permute(2, 0, 1).to(frame) / 255
    return torch.where(changed, painted, frame)


# --- What the model sees -------------------------------------------------------------------


def motion_picture(motion: Tensor) -> Tensor:
    """Motion (T, 2, H, W) dy, dx → frames (T, 3, H, W): hue is direction, strength is speed, white is still.

    Full strength is the clip's fastest motion. Large frames carry a small colour wheel that
    says which hue goes where, and that speed.
    """
    fastest = motion.norm(dim=1).max().item() if motion.numel() else 0.0
    moving = motion.any(1)
    frames = torch.ones(len(motion), *motion.shape[-2:], 3, device=motion.device)
    frames[moving] = _wheel_colours(*motion.movedim(1, -1)[moving].float().div(fastest or 1).T)
    frames = frames.movedim(-1, 1).contiguous()
    height, width = frames.shape[-2:]
    if min(height, width) >= LEGEND_FROM_PX:
        radius = round(0.08 * min(height, width))
        corner = (..., slice(height - 3 * radius, None), slice(max(width - 10 * radius, 0), None))
        for frame in frames:
            frame[corner] = _paint(frame[corner], lambda canvas: _draw_legend(canvas, radius, fastest))
    return frames


def _wheel_colours(dy: Tensor, dx: Tensor) -> Tensor:
    """Motion of length at most 1 → its colour, in a new last axis."""
    turn = torch.atan2(dy, dx) / (2 * math.pi)  # 0 right, ¼ down: y grows downwards
    # Each primary is full within a sixth of a turn of its own hue and gone from a third on.
    hues = [(2 - 6 * ((turn - own + 0.5) % 1 - 0.5).abs()).clamp(0, 1) for own in (0, 1 / 3, 2 / 3)]
    speed = torch.hypot(dy, dx).clamp(0, 1)
    return torch.stack([1 - speed * (1 - hue) for hue in hues], -1)


def _draw_legend(canvas: np.ndarray, radius: int, fastest: float) -> None:
    """The wheel and what its rim stands for, in the lower right corner."""
    height, width = canvas.shape[:2]
    x, y = width - radius * 3 // 2, height - radius * 3 // 2  # the wheel's middle
    span = torch.arange(-radius - 1, radius + 2).float() / radius
    dy, dx = torch.meshgrid(span, span, indexing="ij")
    cover = (radius * (1 - torch.hypot(dy, dx)) + 0.5).clamp(0, 1).numpy()[..., None]
    patch = canvas[y - radius - 1 : y + radius + 2, x - radius - 1 : x + radius + 2]
    patch[:] = np.round(patch * (1 - cover) + 255 * _wheel_colours(dy, dx).numpy() * cover)
    cv2.circle(canvas, (x, y), radius, (120, 124, 130), 1, cv2.LINE_AA)
    text, size = f"{fastest:.3g} px/frame", max(round(radius * 0.5), 9)
    left = x - radius * 3 // 2 - text_size(text, size)[0]
    if fastest > 0 and left > 0:
        draw_text(canvas, text, left, y + size // 2, size, (90, 94, 100))


def conditions_picture(conditions: Conditions) -> Tensor:
    """What the model sees, (T, 3, H', W'): content, motion and mask side by side, each labelled."""
    return side_by_side(
        {
            "content": (conditions.content.cpu() + 1) / 2,
            "motion": motion_picture(conditions.motion.cpu()),
            "area": conditions.mask.cpu().expand(-1, 3, -1, -1),
        }
    )
