"""ReVideoExampleClip: clips that come with the pack, to try an edit without any of one's own."""

from __future__ import annotations

from pathlib import Path

from comfy_api.latest import InputImpl, io
from comfy_execution.graph_utils import ExecutionBlocker
from torch import Tensor

from .sockets import CATEGORY, checked, image_from_frames

# ComfyUI serves js/, so the editor shows them before any run.
EXAMPLES_FOLDER = Path(__file__).parents[1] / "js" / "examples"
NAMES = (  # of revideo.synthetic.examples, which is not imported before a run
    *("content", "motion", "both", "two areas"),
    *("one area 576x320", "two areas 576x320", "new motion 576x320", "many areas 576x320"),
    *("long 576x320", "kept motion 576x320", "added 576x320", "removed 576x320"),
    "restyled",
)


class ReVideoExampleClip(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoExampleClip",
            display_name="Example Clip (ReVideo)",
            category=CATEGORY,
            description="A short clip of moving sprites with its edited first frame, such as the built-in model was "
            "trained on. To try an edit before you have weights or clips of your own: a clip that is dropped on "
            "ReVideo Editor takes this node's place.",
            search_aliases=["revideo example", "sample clip", "test video", "demo"],
            inputs=[
                io.Combo.Input(
                    "example",
                    options=list(NAMES),
                    default="both",
                    tooltip="What is to be edited. content: another thing, moving as the old one did. motion: the "
                    "same thing on another path. both: another thing on another path. two areas: two of these. "
                    "Those of 576×320 belong to the example workflows. restyled: everything in other colours, for "
                    "Propagate Edited Frame.",
                ),
            ],
            outputs=[
                io.Image.Output("frames", tooltip="The clip's frames: 14 of 128×128, or as the example's name says."),
                io.Image.Output("edited_frame", tooltip="Its first frame after the edit."),
                io.Float.Output("fps", tooltip="Frames per second, for Create Video."),
                io.Video.Output("video", tooltip="The clip as a video: to Prepare Video and ReVideo Long Video."),
                io.Image.Output(
                    "depth",
                    tooltip="How near everything is on each frame, near bright: to Propagate Edited Frame. Only of the "
                    "example restyled.",
                ),
            ],
        )

    @classmethod
    @checked
    def execute(cls, example: str) -> io.NodeOutput:
        from ..revideo.synthetic.examples import WITH_DEPTH, example_depth_file, example_files
        from ..revideo.video.io import read_image, read_video

        if example not in NAMES:  # a linked text
            raise ValueError(f"there is no example {example!r}; there are {', '.join(NAMES)}")
        clip, edited = example_files(EXAMPLES_FOLDER, example)
        frames, fps = read_video(clip)
        # Of an example without depth it is said to whoever takes it.
        depth: Tensor | ExecutionBlocker = ExecutionBlocker(
            f"only the example {WITH_DEPTH} comes with its depth: choose it in Example Clip"
        )
        if example == WITH_DEPTH:
            depth = image_from_frames(read_video(example_depth_file(EXAMPLES_FOLDER))[0])
        return io.NodeOutput(
            image_from_frames(frames),
            image_from_frames(read_image(edited)[None]),
            float(fps),
            InputImpl.VideoFromFile(str(clip)),
            depth,
        )
