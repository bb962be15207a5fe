"""What the tests hold the built-in model to: set from its own figures, with room for other processors' rounding."""

import revideo
from revideo.synthetic.measures import Limits

STEPS = 10  # of sampling, guidance 1; the figures of 25, the default, differ by less than the limits' room
LIMITS = {  # by case; means over the held-out clips that the tests take
    ("content", 1): Limits(
        path_error=2.5, outside_psnr=29.0, sprite_psnr_last=13.5, iou=0.5, iou_last=0.4, hue_error=5.0
    ),
    ("motion", 1): Limits(
        path_error=2.5, outside_psnr=32.0, sprite_psnr_last=11.5, iou=0.5, iou_last=0.4, hue_error=5.0
    ),
    ("both", 1): Limits(  # the first edit's one clip, with the lock, has a hue error of 6, most have 1
        path_error=2.5, outside_psnr=28.0, sprite_psnr_last=12.0, iou=0.4, iou_last=0.35, hue_error=10.0
    ),
    ("both", 2): Limits(
        path_error=6.0, outside_psnr=32.0, sprite_psnr_last=9.0, iou=0.4, iou_last=0.25, hue_error=20.0
    ),
}
MOTION_RATIO = 5.0  # how much larger the path error is with the motion map zeroed, at least
MEGABYTES = 36  # of the file, at most


def load_tiny() -> revideo.ReVideo:
    """In the precision that this processor is quickest in, as the demo takes it."""
    return revideo.load("tiny", dtype="auto", device="cpu")
