"""What `revideo edit` takes beside models and long videos."""

from __future__ import annotations

import argparse
from pathlib import Path

from .common import add_model_options, parse_size


def parse_keyframe(text: str) -> tuple[int, Path]:
    """`K=PICTURE` → K and the path; argparse's error for anything else."""
    index, equals, picture = text.partition("=")
    if not (index.isascii() and index.isdecimal() and len(index) < 10 and equals and picture):
        raise argparse.ArgumentTypeError(f"{text!r} is not K=PICTURE, as in 40=frame40.png")
    return int(index), Path(picture)


def add_edit_options(edit: argparse.ArgumentParser) -> None:
    what = edit.add_argument_group("what to edit")
    what.add_argument(
        "video", metavar="VIDEO", type=Path, help="the clip: a video, a folder of pictures, or frame_%%04d.png"
    )
    mask = what.add_mutually_exclusive_group()
    mask.add_argument(
        "--mask",
        "--region",
        metavar="FILE",
        type=Path,
        help="the area to remake, white on black or opaque on transparent: one picture for all frames, or masks that "
        "run along with the clip (a video, a folder, m_%%04d.png; same frames, same --start and --stride)",
    )
    mask.add_argument(
        "--document",
        metavar="JSON",
        type=Path,
        help="paths and area as drawn in the editor of the ComfyUI nodes, instead of --tracks and --mask",
    )
    what.add_argument(
        "--whole-frame",
        action="store_true",
        help="everything may change, for another style or another background: instead of --mask, or beside a document "
        "whose paths are wanted; nothing of the clip comes back",
    )
    what.add_argument(
        "--edited-frame",
        "--reference",
        metavar="PICTURE",
        type=Path,
        help="the edited first frame (default: the first frame itself, which gives the same content another motion)",
    )
    what.add_argument(
        "--edited-index",
        "--reference-frame",
        metavar="K",
        type=int,
        default=0,
        help="which of the frames was edited, counted from 0 at --start: the clip is then edited onwards and "
        "backwards from it (default: 0)",
    )
    what.add_argument(
        "--keyframe",
        metavar="K=PICTURE",
        dest="keyframes",
        type=parse_keyframe,
        action="append",
        default=[],
        help="another edited frame, K counted as --edited-index; as often as you like. Between two edited frames the "
        "clip is seen from both, and comes to each",
    )
    what.add_argument(
        "--tracks",
        metavar="FILE",
        type=Path,
        help='the paths: [[{"x": 100, "y": 160}, …], …] or [[[100, 160], …], …] as JSON, or as CSV, After Effects '
        "keyframes, a Nuke script, SVG or .npy (docs/tracks.md; default: none, only content changes)",
    )
    what.add_argument(
        "--timing",
        choices=("stretch", "as drawn"),
        default="stretch",
        help="stretch: a path starts on the first frame and ends on the last, however many points it has. "
        "as drawn: one point a frame; a shorter path ends early, a longer one is cut (default: stretch)",
    )
    what.add_argument(
        "--tracks-size",
        metavar="WxH",
        type=parse_size,
        help="size of the picture the tracks were drawn on (default: the clip's own size)",
    )
    what.add_argument(
        "--crop",
        choices=("auto", "always", "off"),
        default="auto",
        help="auto: where the area is small in a clip of more than a megapixel, the model works on a part of the "
        "frames around area and paths, which goes along with them, at the clip's own pixels; the result has the clip's "
        "size. Not with --size, nor what is drawn on another size than the clip's. always: of smaller clips too; "
        "--size is the part's then (default: auto)",
    )
    what.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="the video to write, H.264")
    what.add_argument(
        "--preview", metavar="FILE", type=Path, help="also write a video of what the model sees: content, motion, area"
    )
    what.add_argument(
        "--fusion",
        metavar="PICTURE",
        type=Path,
        help="also draw how the model weighs unedited content against motion, over the picture and the steps "
        "(figure 5 of the paper)",
    )

    frames = edit.add_argument_group("which frames, at which size")
    frames.add_argument(
        "--start", metavar="N", type=int, default=0, help="the first frame, counted from 0 (default: 0)"
    )
    frames.add_argument("--stride", metavar="N", type=int, default=1, help="take every N-th frame (default: 1)")
    frames.add_argument(
        "--frames", metavar="N", type=int, help="how many (default: the model's window, with --long all there are)"
    )
    frames.add_argument(
        "--size",
        metavar="WxH",
        type=parse_size,
        help="target size in pixels (default: 1024x1024, an area at which the released weights are at home; "
        "smaller is faster and needs less memory)",
    )
    frames.add_argument(
        "--size-policy",
        choices=("area", "longest side", "exact"),
        default="area",
        help="area: the clip's shape at about WxH pixels in all. longest side: the clip's shape, its longer side the "
        "longer of W and H. exact: WxH. Sides become multiples of the model's step, 64 (default: area)",
    )
    frames.add_argument(
        "--fit",
        choices=("stretch", "crop", "pad"),
        default="stretch",
        help="how the clip meets a size of another shape: stretched a little (as the released examples do), cropped "
        "on both sides, or padded by repeating its border (default: stretch)",
    )

    add_model_options(edit)

    sampling = edit.add_argument_group("sampling")
    sampling.add_argument("--steps", metavar="N", type=int, help="sampling steps; 15 is often enough (default: 25)")
    sampling.add_argument(
        "--seed", metavar="N", type=int, help="of the noise; the same seed, the same video (default: 23)"
    )
    sampling.add_argument("--cfg-first", metavar="X", type=float, help="guidance on the first frame (default: 1)")
    sampling.add_argument(
        "--cfg-last",
        metavar="X",
        type=float,
        help="guidance on the last frame; higher holds closer to the edited frame (default: 4)",
    )
    sampling.add_argument(
        "--fps", metavar="N", type=int, help="the frame rate told to the model, not the file's; 6 or 10 (default: 6)"
    )
    sampling.add_argument(
        "--motion-bucket", metavar="N", type=int, help="SVD's overall amount of motion (default: 127)"
    )
    sampling.add_argument(
        "--noise-augmentation",
        metavar="X",
        type=float,
        help="noise on the edited frame before it is encoded; more leaves the model freer (default: 0.02)",
    )
    sampling.add_argument(
        "--added-noise",
        metavar="X",
        type=float,
        help="that noise where it is to differ from what the model hears of it, as 0 in the authors' program for many "
        "areas (default: as much)",
    )

    sampling.add_argument(
        "--latent-lock",
        action=argparse.BooleanOptionalAction,
        help="while sampling, hold what lies outside the area to the source; it then comes out closer to it, and the "
        "area is painted to fit (default: with --long; else no, as the released model samples)",
    )
    sampling.add_argument(
        "--lock-until",
        metavar="X",
        type=float,
        help="the noise level at which the lock ends, so that the last steps can join seams; 0: never (default: 0.03)",
    )

    add_speed_options(edit)

    result = edit.add_argument_group("the result")
    result.add_argument(
        "--feather",
        metavar="PX",
        type=float,
        default=12.0,
        help="width of the seam, all inside the area, in pixels of the fitted frames (default: 12)",
    )
    result.add_argument(
        "--match",
        choices=("none", "colours", "gradients"),
        default="none",
        help="fit the area to what surrounds it, before the seam is blended. colours: shift them by as much as the "
        "model strayed in a ring around it. gradients: keep the area's own and let its border follow the source "
        "(Poisson editing) (default: none)",
    )
    result.add_argument(
        "--no-keep", action="store_true", help="leave the model's own pixels outside the area too, not the source's"
    )
    result.add_argument(
        "--frames-per-chunk",
        metavar="N",
        type=int,
        help="frames that the decoder sees at once; fewer change the picture and flicker more, 1 is what the "
        "released scripts do (default: all)",
    )
    result.add_argument(
        "--memory",
        metavar="GB",
        type=float,
        help="stay below so many gigabytes, weights included: work is laid out to fit (default: a GPU's free memory)",
    )


def add_speed_options(edit: argparse.ArgumentParser) -> None:
    speed = edit.add_argument_group(
        "time for quality",
        "All off unless asked for. Figures are of the built-in model; docs/benchmarks.md has them all.",
    )
    speed.add_argument(
        "--preset",
        choices=("exact", "2x", "5x", "8x", "fast"),
        default="exact",
        help="2x: ten aligned steps. 5x: five, guidance in one of them. 8x: three, without guidance. fast: as in "
        "older versions. How many times as fast as exact in fp32, and what becomes of path error, unedited PSNR and "
        "PSNR of the edited thing: 2x 2.32 ×, +0.00 %%, -0.04 dB, -0.06 dB; 5x 5.97 ×, -0.46 %%, +1.29 dB, +2.19 dB; "
        "8x 9.05 ×, -0.52 %%, +0.55 dB, +1.86 dB. An option that is given goes before the preset's (default: exact, "
        "as the released model samples)",
    )
    speed.add_argument(
        "--schedule",
        choices=("karras", "ays"),
        help="noise levels. ays: Align Your Steps, made for SVD and few steps, as --steps 10 (default: karras)",
    )
    speed.add_argument(
        "--solver",
        choices=("euler", "euler_ancestral", "dpmpp_2m"),
        help="euler_ancestral: fresh noise at each step covers the errors of earlier ones (without guidance path "
        "error 0.6 times that of Euler). dpmpp_2m: DPM-Solver++ of second order, in the same time a step, no gain with "
        "the built-in model (default: euler)",
    )
    speed.add_argument(
        "--guide-from",
        metavar="X",
        type=float,
        help="the noise level at which guidance begins; before, a step takes half the time (default: at once)",
    )
    speed.add_argument(
        "--guide-until", metavar="X", type=float, help="the noise level at which guidance ends (default: 0, never)"
    )
    speed.add_argument(
        "--control-every", metavar="N", type=int, help="run the ControlNet on every Nth step only (default: 1)"
    )
