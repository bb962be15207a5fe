"""`revideo edit`: a clip, its edited first frame, paths and an area → the clip remade."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .common import (
    LoadModel,
    add_command,
    chosen_model,
    print_left_out,
    print_memory_plan,
    progress,
    refusing,
    working_networks,
)
from .edit_long import add_long_options, run_long
from .edit_options import add_edit_options

if TYPE_CHECKING:
    from ..editing.model import ReVideo
    from .inputs import EditInputs


def add_edit(commands: Any) -> argparse.ArgumentParser:
    edit = add_command(
        commands,
        "edit",
        run_edit,
        help="remake a clip after its edited first frame, paths and area",
        description="""\
Remakes a clip. You give four things:

  the clip           any video file, or pictures; the model edits a window of it (14 frames in the released model)
  the edited frame   the first of these frames, changed in any program
  the tracks         paths: where things shall move, one path for each
  the mask           white where the video may change; black stays the source's, pixel for pixel

Sizes: the clip is fitted to a size the model can work at (--size, --size-policy, --fit). Give edited frame and
mask in the clip's own size and they are fitted the same way; a picture that already has the fitted size is
taken as it is. Tracks are in pixels of the clip's own size unless --tracks-size says otherwise.

Tracks and mask can also come in one file, the document that the editor of the ComfyUI nodes writes
(--document). It is scaled to the clip, or, if it was drawn on the fitted size, taken as it is.

Everything is checked before the model is loaded.""",
        epilog="""\
example: move a painted thing from (100, 160) to (300, 160)

  echo '[[{"x": 100, "y": 160}, {"x": 300, "y": 160}]]' > tracks.json
  revideo edit clip.mp4 --model revideo.safetensors --edited-frame edited.png --tracks tracks.json \\
      --mask mask.png --size 576x320 --preview conditions.mp4 -o edited.mp4

--preview shows what the model is given; look at it first when a result is not what you meant.
--stride 2 takes every second frame: twice the time in one window, at half the frame rate.""",
    )
    add_edit_options(edit)
    add_long_options(edit)
    return edit


def run_edit(arguments: argparse.Namespace, load: LoadModel = chosen_model) -> int:
    """`load`: for whoever makes several edits and holds the model."""
    if arguments.long:
        return run_long(arguments, load)
    with refusing():
        from .inputs import read_inputs

        inputs = read_inputs(arguments)

        from ..conditions import make_conditions
        from ..pictures.overlays import conditions_picture
        from ..video.io import write_video

        if arguments.preview:
            seen = conditions_picture(make_conditions(*inputs.shown()))
            write_video(arguments.preview, seen, inputs.source.rate)
        model = load(arguments, inputs.config)

        if arguments.fusion:
            from ..pictures.fusion import fusion_picture, fusion_weights
            from ..pictures.sheets import write_image

            mask = inputs.shown()[1].masks(0, 1)[0, 0].float()
            weights = fusion_weights(model, mask, inputs.options)
            write_image(arguments.fusion, fusion_picture(weights))

    make_result(arguments, inputs, model)
    return 0


def make_result(arguments: argparse.Namespace, inputs: EditInputs, model: ReVideo) -> None:
    """Runs an edit of one window and writes it."""
    from ..video.colours import even_sides
    from ..video.file import write_like

    height, width = inputs.video.shape[-2:]
    size = f"{inputs.size[1]}×{inputs.size[0]}"
    with working_networks(model.device, size), progress() as callback:
        print_memory_plan(model, inputs.size, inputs.options, arguments.memory)
        result = model.edit(
            inputs.video,
            inputs.edit,
            inputs.options,
            callback,
            size=inputs.size,
            crop=inputs.crop or "off",
            composite=not arguments.no_keep,
            feather_px=arguments.feather,
            match=arguments.match,
            frames_per_chunk=arguments.frames_per_chunk,
        )
    with refusing():
        write_like(arguments.output, result.frames, inputs.source, size=(height, width))
    height, width = even_sides(height, width)
    frames = f"{len(result.frames)} frames of {width}×{height}"
    where = f", a part edited at {size}" if inputs.crop else ""
    print(f"{arguments.output}: {frames} at {float(inputs.source.rate):g} frames per second{where}")
    print_left_out(inputs.source)
