"""`revideo edit`: options that save time and change the picture. Figures: docs/benchmarks.md."""

from __future__ import annotations

import argparse


def add_speed_options(edit: argparse.ArgumentParser) -> None:
    speed = edit.add_argument_group(
        "time for quality",
        "All off unless asked for. Figures are of the built-in model; docs/benchmarks.md has them all.",
    )
    speed.add_argument(
        "--preset",
        choices=("exact", "fast"),
        default="exact",
        help="fast: seven aligned steps, guidance in the middle ones, the control net on every second; 2.9 times as "
        "fast, path error and unedited PSNR no worse. An option that is given goes before the preset's (default: "
        "exact, as the released model samples)",
    )
    speed.add_argument(
        "--schedule",
        choices=("karras", "ays"),
        help="noise levels. ays: Align Your Steps, made for SVD and few steps, as --steps 10 (2.1 times as fast as 25, "
        "path error and unedited PSNR as before) (default: karras)",
    )
    speed.add_argument(
        "--solver",
        choices=("euler", "dpmpp_2m"),
        help="dpmpp_2m: DPM-Solver++ of second order, in the same time a step (with 10 aligned steps 1.2 times the "
        "path error, unedited PSNR 0.4 dB lower) (default: euler)",
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
        "--control-every", metavar="N", type=int, help="run the control net on every Nth step only (default: 1)"
    )
