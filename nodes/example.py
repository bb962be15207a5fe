"""ReVideoExampleClip: clips that come with the pack, to try an edit without any of one's own."""

from __future__ import annotations

from pathlib import Path

from comfy_api.latest import io

from .sockets import CATEGORY, image_from_frames

# ComfyUI serves js/, so the editor shows them before any run.
EXAMPLES_FOLDER = Path(__file__).parents[1] / "js" / "examples"
NAMES = ("content", "motion", "both", "two areas")  # of revideo.synthetic.examples, which is not imported before a run


class ReVideoExampleClip(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoExampleClip",
            display_name="Example Clip (ReVideo)",
            category=CATEGORY,
            description="A short clip of moving sprites with its edited first frame, from the world that the built-in "
            "model was trained on. To try an edit before you have weights or clips of your own.",
            search_aliases=["revideo example", "sample clip", "test video", "demo"],
            inputs=[
                io.Combo.Input(
                    "example",
                    options=list(NAMES),
                    default="both",
                    tooltip="What is to be edited. content: another thing, moving as the old one did. motion: the "
                    "same thing on another path. both: another thing on another path. two areas: two of these.",
                ),
            ],
            outputs=[
                io.Image.Output("frames", tooltip="The clip: 14 frames of 128×128."),
                io.Image.Output("edited_frame", tooltip="Its first frame after the edit."),
                io.Float.Output("fps", tooltip="Frames per second, for Create Video."),
            ],
        )

    @classmethod
    def execute(cls, example: str) -> io.NodeOutput:
        from ..revideo.synthetic.examples import example_files
        from ..revideo.video.io import read_image, read_video

        clip, edited = example_files(EXAMPLES_FOLDER, example)
        frames, fps = read_video(clip)
        return io.NodeOutput(image_from_frames(frames), image_from_frames(read_image(edited)[None]), float(fps))
