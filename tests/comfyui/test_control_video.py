"""What ComfyUI's nodes for Wan receive from ReVideo Control Video: the tensors that its own templates make.

The templates (comfyui_workflow_templates) are video_wan_vace_outpainting, video_wan_vace_inpainting,
video_wan_vace_flf2v, video_wanmove_480p and video_wan_ati; each test takes their nodes, as they are wired there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from comfy_process import load_pack
from torch import Tensor
from wan_parts import small_vae

from revideo.control_video import ATI_POINTS, ati_points, ati_text
from revideo.tracks.trajectories import Trajectories

WIDTH, HEIGHT, FRAMES = 96, 64, 13
TEXT: list[Any] = [[torch.zeros(1, 4, 8), {}]]  # CONDITIONING, of which these nodes read nothing


@pytest.fixture(scope="module", autouse=True)
def vae() -> Any:
    """Also for those that need none: with it come ComfyUI's own modules."""
    return small_vae()


def ask(node: Any, **inputs: Any) -> Any:
    """What a node of ComfyUI gives, its first output where it has one."""
    given = node.execute(**inputs) if hasattr(node, "execute") else getattr(node(), node.FUNCTION)(**inputs)
    result = getattr(given, "result", given)
    return result[0] if len(result) == 1 else result


def control_video(**inputs: Any) -> dict[str, Any]:
    """Our node's outputs by their names."""
    node = load_pack().ReVideoControlVideo
    names = [output.display_name or output.id for output in node.define_schema().outputs]
    return dict(zip(names, node.execute(**inputs).result, strict=True))


def picture(seed: int, frames: int, height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    return torch.rand(frames, height, width, 3, generator=torch.Generator().manual_seed(seed))


def same(ours: Any, theirs: Any) -> bool:
    """CONDITIONING, LATENT or a tensor, to the bit."""
    if isinstance(theirs, Tensor):
        return torch.equal(ours, theirs)
    if isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[name], theirs[name]) for name in theirs)
    if isinstance(theirs, (list, tuple)):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == theirs


def vace(vae: Any, **inputs: Any) -> Any:
    from comfy_extras.nodes_wan import WanVaceToVideo

    return WanVaceToVideo.execute(TEXT, TEXT, vae, batch_size=1, strength=1.0, **inputs).result


VACE_INPUTS = ("control_video", "control_masks", "reference_image", "length", "width", "height")


def first_clean(first: Tensor, rest: Tensor, rest_masks: Tensor) -> tuple[Tensor, Tensor]:
    """video_wan_vace_flf2v, its half for the first frame: that picture, and black for its mask, before all others."""
    from comfy_extras.nodes_mask import ImageToMask, MaskToImage, SolidMask
    from comfy_extras.nodes_post_processing import BatchImagesNode

    black = ask(MaskToImage, mask=ask(SolidMask, value=0.0, width=WIDTH, height=HEIGHT))
    video = ask(BatchImagesNode, images={"image0": first, "image1": rest})
    masks = ask(BatchImagesNode, images={"image0": black, "image1": ask(MaskToImage, mask=rest_masks)})
    return video, ask(ImageToMask, image=masks, channel="red")


def test_vace_receives_what_the_template_for_outpainting_makes(vae: Any):
    """A clip within a larger frame, of which the rest is to be made: there the frames hold anything."""
    from comfy_extras.nodes_images import RepeatImageBatch
    from comfy_extras.nodes_mask import ImageToMask, MaskToImage

    import nodes  # ComfyUI's

    border = {"left": 16, "top": 8, "right": 24, "bottom": 16}
    inner = picture(1, FRAMES, HEIGHT - 24, WIDTH - 40)
    padded, mask = ask(nodes.ImagePadForOutpaint, image=inner, feathering=0, **border)
    repeated = ask(RepeatImageBatch, image=ask(MaskToImage, mask=mask), amount=FRAMES - 1)
    edited = picture(2, 1)
    video, masks = first_clean(edited, padded[1:], ask(ImageToMask, image=repeated, channel="red"))

    frames = picture(3, FRAMES)
    frames[:, 8 : HEIGHT - 16, 16 : WIDTH - 24] = inner
    ours = control_video(frames=frames, edited_frame=edited, mask=mask)
    assert same([ours["control_video"], ours["control_masks"]], [video, masks])
    received = vace(vae, **{name: ours[name] for name in VACE_INPUTS})
    asked = {"length": FRAMES, "width": WIDTH, "height": HEIGHT}
    assert same(received, vace(vae, control_video=video, control_masks=masks, reference_image=edited, **asked))
    assert received[3] == 1  # of the latent, what the reference takes
    assert not same(received, vace(vae, control_video=video, control_masks=masks, **asked))


def test_vace_receives_what_the_template_for_inpainting_makes(vae: Any):
    """A mask that moves; that template's fill is black."""
    from comfy_extras.nodes_mask import ImageCompositeMasked, InvertMask, MaskToImage

    frames, edited = picture(1, FRAMES), picture(2, 1)
    mask = torch.zeros(FRAMES, HEIGHT, WIDTH)
    for frame in range(FRAMES):
        mask[frame, 8:40, 2 * frame : 2 * frame + 24] = 1
    fill = ask(MaskToImage, mask=ask(InvertMask, mask=mask))
    filled = ask(ImageCompositeMasked, destination=frames, source=fill, x=0, y=0, resize_source=True, mask=mask)
    video, masks = first_clean(edited, filled[1:], mask[1:])

    ours = control_video(frames=frames, edited_frame=edited, mask=mask, fill=0.0)
    assert same([ours["control_video"], ours["control_masks"]], [video, masks])
    asked = {"length": FRAMES, "width": WIDTH, "height": HEIGHT, "reference_image": edited}
    received = vace(vae, **{name: ours[name] for name in VACE_INPUTS})
    assert same(received, vace(vae, control_video=video, control_masks=masks, **asked))


# From, to: in parts of the frame, as Generate Video Tracks has them; no two in one square of 8 pixels.
WAYS = (((0.1, 0.2), (0.8, 0.25)), ((0.9, 0.9), (0.2, 0.6)), ((0.5, 0.45), (0.5, 0.45)))


def drawn() -> Trajectories:
    """The same ways in pixels, evenly over the clip."""
    size = torch.tensor([WIDTH, HEIGHT], dtype=torch.float64)
    ends = torch.tensor(WAYS, dtype=torch.float64) * size
    at = torch.linspace(0, 1, FRAMES, dtype=torch.float64)[:, None]
    points = ends[:, :1] + at * (ends[:, 1:] - ends[:, :1])
    return Trajectories(points, torch.ones(points.shape[:2], dtype=torch.bool))


def generated() -> dict[str, Tensor]:
    """video_wanmove_480p: tracks generated one by one and concatenated."""
    from comfy_extras.nodes_wanmove import GenerateTracks, WanMoveConcatTrack

    tracks: Any = None
    for (start_x, start_y), (end_x, end_y) in WAYS:
        given = ask(
            GenerateTracks,
            width=WIDTH,
            height=HEIGHT,
            start_x=start_x,
            start_y=start_y,
            end_x=end_x,
            end_y=end_y,
            mid_x=0.5,
            mid_y=0.5,
            num_frames=FRAMES,
            num_tracks=1,
            track_spread=0.0,
        )[0]
        tracks = given if tracks is None else ask(WanMoveConcatTrack, tracks_1=tracks, tracks_2=given)
    return tracks


def from_coordinates() -> dict[str, Tensor]:
    """The other way of that template: a point per frame as text."""
    from comfy_extras.nodes_wanmove import WanMoveTracksFromCoords

    return ask(WanMoveTracksFromCoords, track_coords=drawn().to_json())[0]


MASK = torch.zeros(1, HEIGHT, WIDTH)
MASK[:, :60, 4:92] = 1


def move(vae: Any, **inputs: Any) -> Any:
    from comfy_extras.nodes_wanmove import WanMoveTrackToVideo

    return WanMoveTrackToVideo.execute(TEXT, TEXT, vae, batch_size=1, strength=1.0, **inputs).result


@pytest.mark.parametrize("make", [generated, from_coordinates])
def test_wan_move_receives_what_its_template_makes(vae: Any, make: Any):
    edited = picture(2, 1)
    ours = control_video(frames=picture(1, FRAMES + 2), edited_frame=edited, mask=MASK, trajectories=stretched(2))
    theirs = make()
    torch.testing.assert_close(ours["comfy_tracks"]["track_path"], theirs["track_path"], atol=1e-4, rtol=0)
    assert torch.equal(ours["comfy_tracks"]["track_visibility"], theirs["track_visibility"])
    asked = {"length": FRAMES, "width": WIDTH, "height": HEIGHT, "start_image": edited}
    received = move(
        vae,
        tracks=ours["comfy_tracks"],
        start_image=ours["reference_image"],
        **{name: ours[name] for name in ("length", "width", "height")},
    )
    assert same(received, move(vae, tracks=theirs, **asked))
    assert not same(received, move(vae, **asked))


def stretched(more: int) -> Trajectories:
    """With frames behind the clip's, which are cut."""
    points, visible = drawn().points_px, drawn().visible
    return Trajectories(
        torch.cat([points, points[:, -1:].expand(-1, more, -1)], 1),
        torch.cat([visible, visible[:, -1:].expand(-1, more)], 1),
    )


def test_a_path_hidden_at_first_moves_nothing_in_wan_move(vae: Any):
    """Which would fetch the picture's last square for it."""
    hidden = drawn()
    hidden.visible[1, 0] = False
    inputs = {"frames": picture(1, FRAMES), "edited_frame": picture(2, 1), "mask": MASK}
    ours = control_video(**inputs, trajectories=hidden)
    others = Trajectories(hidden.points_px[[0, 2]], hidden.visible[[0, 2]])
    without = control_video(**inputs, trajectories=others)
    asked = {"length": FRAMES, "width": WIDTH, "height": HEIGHT, "start_image": inputs["edited_frame"]}
    received = move(vae, tracks=ours["comfy_tracks"], **asked)
    assert same(received, move(vae, tracks=without["comfy_tracks"], **asked))
    raw = {"track_path": hidden.points_px.float().transpose(0, 1), "track_visibility": hidden.visible.T}
    assert not same(received, move(vae, tracks=raw, **asked))
    assert "Path 2 is hidden" in ours["report"]


@pytest.mark.parametrize("count", [5, 13, 49, 81, 117])
def test_ati_reads_each_frames_own_place_from_its_text(count: int):
    """WanTrackToVideo's own reading: time, place and visibility of each frame."""
    from comfy_extras.nodes_wan import pad_pts, parse_json_tracks, process_tracks

    at = torch.arange(count, dtype=torch.float64)
    points = torch.stack([20 + 3 * torch.sin(at), 30 + at / 4], -1)[None].repeat(2, 1, 1)
    visible = torch.ones(2, count, dtype=torch.bool)
    visible[1, count // 2 :] = False
    tracks = parse_json_tracks(ati_text(Trajectories(points, visible)))
    read = process_tracks(np.stack([pad_pts(track) for track in tracks]), (WIDTH, HEIGHT), count - 1)
    places = read[..., 1:3] * min(WIDTH, HEIGHT) / 2 + torch.tensor([WIDTH, HEIGHT]) / 2
    assert torch.equal(read[..., 3].T > 0, visible)
    for number in range(2):
        seen = visible[number]
        torch.testing.assert_close(places[seen, number].double(), points[number, seen], atol=1e-3, rtol=0)


@pytest.mark.parametrize("count", [5, 81, 117, 125, 241])
def test_ati_points_are_those_that_the_node_takes(count: int):
    from comfy_extras.nodes_wan import process_tracks

    numbered = np.arange(ATI_POINTS, dtype=np.float32)[None, :, None, None].repeat(3, -1).reshape(1, ATI_POINTS, 1, 3)
    read = (process_tracks(numbered, (200, 200), count - 1)[:, 0, 1] * 100 + 100).round().int().tolist()
    expected = ati_points(count).tolist()
    if (count - 1) % (ATI_POINTS - 1) == 0:
        assert len(read) == count - 1  # a frame too few: the node fails, as the report says
    else:
        assert read == expected


def test_ati_receives_what_its_template_makes(vae: Any):
    """Text of 121 points, evenly along the way; of 61 frames the node takes every second, which is where they are.

    Of other lengths it takes the point before a frame's time or after; ours are made so that it is the frame's.
    """
    from comfy_extras.nodes_wan import WanTrackToVideo

    count = 61
    ways = drawn().for_clip(count)
    edited = picture(2, 1)
    ours = control_video(frames=picture(1, count), edited_frame=edited, mask=MASK, trajectories=ways)
    theirs = drawn().for_clip(ATI_POINTS).to_json()
    asked = {"length": count, "width": WIDTH, "height": HEIGHT, "start_image": edited}
    asked |= {"batch_size": 1, "temperature": 220.0, "topk": 2}
    sizes = {name: ours[name] for name in ("length", "width", "height")}
    sizes["start_image"] = ours["reference_image"]
    received = WanTrackToVideo.execute(TEXT, TEXT, vae, tracks=ours["ati_tracks"], **asked | sizes).result
    expected, still = (WanTrackToVideo.execute(TEXT, TEXT, vae, tracks=text, **asked).result for text in (theirs, "[]"))
    for name in ("concat_mask", "concat_latent_image"):
        one, other, without = (result[0][0][1][name] for result in (received, expected, still))
        # The text has four digits, and a square's weight falls steeply with the distance.
        torch.testing.assert_close(one, other, atol=2e-3, rtol=0)
        if one.shape == without.shape:
            assert (one - without).abs().max() > 0.1
    assert same(received[2], expected[2])
