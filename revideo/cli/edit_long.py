"""`revideo edit --long`: videos of any length."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .common import chosen_model, plan_memory, progress, refusing, working_networks


def add_long_options(edit: argparse.ArgumentParser) -> None:
    long = edit.add_argument_group(
        "long videos",
        "With --long all frames are edited (or --frames of them), window after window; the result has the clip's own "
        "size, rate and sound. An interrupted run goes on with the same command.",
    )
    long.add_argument("--long", action="store_true", help="edit a video of any length")
    long.add_argument(
        "--windows",
        metavar="FOLDER",
        type=Path,
        help="where finished windows are kept until the video is whole (default: OUTPUT.windows)",
    )
    long.add_argument("--keep-windows", action="store_true", help="leave them there: a changed end is then quick")
    long.add_argument(
        "--overlap",
        metavar="N",
        type=int,
        help="frames that neighbouring windows share; more hold together better and cost more (default: 4)",
    )
    choices = {
        "source-pixels": "a carried frame's unedited pixels come from the source",
        "carried-latent": "the area is carried as latents, not decoded and encoded again",
        "first-embedding": "the image embedding stays that of the edited first frame",
        "hold-colours": "colours of the area follow those of the ring around it",
        "steered-paths": "what strayed from its path is followed, and led back",
        "restored-things": "what paths move looks in each window's first frame as in the edited frame",
    }
    for name, text in choices.items():
        long.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=f"{text} (default: yes)")


def run_long(arguments: argparse.Namespace) -> int:
    with refusing():
        from .job_long import prepare_long

        job = prepare_long(arguments)

        from ..editing.long_file import edit_file
        from ..editing.window_cache import WindowStore

        model = chosen_model(arguments, job.config)

    plan_memory(model, job.size, job.options, arguments.memory)
    store = WindowStore(job.windows)
    size = f"{job.size[1]}×{job.size[0]}"
    whole = False
    try:
        with refusing(), working_networks(model.device, size), progress(len(job.source), "editing", "frame") as report:

            def tell(state: Any) -> None:
                report(state.done)

            edit_file(
                model,
                job.source,
                arguments.output,
                job.edit,
                job.size,
                job.options,
                job.drift,
                fit=arguments.fit,
                feather_px=None if arguments.no_keep else arguments.feather,
                store=store,
                report=tell,
            )
        whole = True
    finally:
        if not whole and job.windows.is_dir():
            print(f"finished windows are in {job.windows}: the same command goes on from there", file=sys.stderr)
    if not arguments.keep_windows:
        store.clear()
    height, width = job.source.size
    rate = f"{float(job.source.rate):g} frames per second"
    print(f"{arguments.output}: {len(job.source)} frames of {width}×{height} at {rate}, edited at {size}")
    return 0
