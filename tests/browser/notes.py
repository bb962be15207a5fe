"""What the notes of the example workflows say, and the line that the menu and the README have of each."""

from __future__ import annotations

from comfyui_server import WINDOW
from layout import Node, note

from revideo.checkpoints.released import ADDRESS, LICENCE_ADDRESS, MODEL_NAME, RELEASED_FILE, WEIGHTS

# As ComfyUI's missing-model dialog takes it.
MODEL = {"name": RELEASED_FILE, "url": ADDRESS, "directory": "checkpoints"}

DESCRIPTIONS = {  # workflow: one line
    "00_first_edit": "An example clip and the built-in model: runs on any CPU within a minute",
    "01_edit_one_area": "One new thing follows one path inside an area",
    "02_edit_two_areas": "Two areas, two paths, one run",
    "03_new_motion": "Nothing painted: a thing of the clip takes another path",
    "04_many_areas": "Areas of every kind, two that move along, one that protects",
    "05_long_video": "A video of any length; a stopped run goes on where it was",
    "06_keep_motion": "A thing repainted that goes on moving as it did",
    "07_native_ksampler": "The first edit by ComfyUI's own SVD and KSampler",
    "08_native_long_context": "More frames at once, in ComfyUI's context windows",
    "09_first_frame_in_graph": "A prompt repaints the first frame in its area, at the depth of what was there",
    "09_first_frame_by_edit_model": "An instruction changes the first frame in its area, by FLUX.2 klein",
    "10_click_and_follow": "A click on a thing: its mask and its motion on every frame",
    "11_vace": "The same area for another model, Wan VACE: needs its weights",
    "12_wan_move": "The same paths for another model, Wan-Move: needs its weights",
    "13_restyle_and_propagate": "One edited frame restyles a whole clip, along its depth",
    "14_crop_and_stitch": "A small edit of large frames, at their own pixels",
    "15_add_a_thing": "A thing that was not there comes in along a path",
    "16_remove_a_thing": "A moving thing taken away, and the ground behind it",
}

# The files of other models, where ComfyUI's own templates say they are: video_wan_vace_inpainting, video_wanmove_480p.
WAN_PLACE = "https://huggingface.co/Comfy-Org/Wan_2.1_ComfyUI_repackaged/resolve/main/split_files"
WAN_MOVE_PLACE = "https://huggingface.co/Kijai/WanVideo_comfy_fp8_scaled/resolve/main/WanMove"
WAN_FILES = {
    name: {"name": name, "url": f"{place}/{name}", "directory": folder}
    for folder, place, name in (
        ("diffusion_models", f"{WAN_PLACE}/diffusion_models", "wan2.1_vace_1.3B_fp16.safetensors"),
        ("diffusion_models", WAN_MOVE_PLACE, "Wan21-WanMove_fp8_scaled_e4m3fn_KJ.safetensors"),
        ("text_encoders", f"{WAN_PLACE}/text_encoders", "umt5_xxl_fp8_e4m3fn_scaled.safetensors"),
        ("vae", f"{WAN_PLACE}/vae", "wan_2.1_vae.safetensors"),
        ("clip_vision", f"{WAN_PLACE}/clip_vision", "clip_vision_h.safetensors"),
    )
}

# A backslash joins lines: the frontend would break the text where the source does.
STEPS = """\
## {title}

{what}

Press **Run**: it works as it is, with an example clip and the small model that comes with the pack. That one knows \
nothing but such shapes and paints them coarsely; on a CPU it takes some minutes.

**Your clip:** drop it on *ReVideo Editor*; it takes the example's place.{choice}

**The authors' weights:** choose them in {loader}.

{steps}
"""

CHOICE = f" *start* in *Prepare Video* is the first frame of the part to edit; {WINDOW} frames are edited at once."

FIRST_FRAME = """\
1. **First frame.** Run once: *Save first frame* writes *revideo_first_frame* into ComfyUI's output folder. Edit it in \
any program, keep its size, and drop it on the editor too."""

SAME_FRAME = """\
1. **First frame.** Nothing to edit: the clip's own is the edited one too. Only the motion is new."""

DRAW = """\
2. **Draw.** {draw} Press **?** in the editor for all keys. Ticks on a path turn red where it leaves the areas.
3. **Run.** The finished clip is in *Save Video*. Outside the areas every pixel stays the source's.

576 × 320 is a light start, for cards of 12 GB. The authors' model was made for **1024 × 1024**: raise *width* and \
*height* in *Prepare Video*; the drawing goes along. Then begin again at 1."""

LONG_DRAW = f"""\
2. **Draw**, over the whole time: **an area** (R) over all that may change, **a path** (S) for where the thing goes. \
Of a video of minutes, raise *stride* in *Prepare Video* (to 10, say): you draw on every tenth frame, and *timing: \
stretch* in *ReVideo Long Video* spreads the drawing over all.
3. **Run.** *ReVideo Long Video* edits window after window, {WINDOW} frames each. Stop when you like, even ComfyUI \
itself: the next run goes on where it was. The result has the video's size, rate and sound, and outside the area its \
pixels."""

CONTEXT_DRAW = f"""\
2. **Draw**, over all frames: **an area** (R) over all that may change, **a path** (S) for where the thing goes.
3. **Run.** *Context Windows (Manual)* cuts the clip into windows of {WINDOW} frames that share 4; every step is taken \
in all of them. Leave **causal_window_fix** off and **dim** at 0: SVD takes nothing else. *count* in *Prepare Video* \
says how many frames: 24 here, as many as memory holds. For longer videos take *ReVideo Long Video* (workflow 05)."""

CROP_DRAW = """\
2. **Draw**, on the clip at its own size: **an area** (R) over all that may change, **a path** (S) for where the thing \
goes.
3. **Run.** *Crop around Edit* takes the part around them, which goes along with them; the model sees nothing else. \
*Stitch Edit* puts it back: outside the area every pixel stays the source's.

Of an area of 400 × 400 in a clip of 1920 × 1080 the model sees 448 × 448. This example is small, so *crop* stands at \
**always**; **auto** crops frames of more than a megapixel."""

FOLLOW_CLICK = """\
2. **Click.** **An anchor** (A) on the thing; no area is needed. *ReVideo Follow Mask* finds its outline and follows \
it: look at the picture on it. Too much or too little? Set more anchors on the thing, or \
draw an area over it. *Track Points* follows the same anchors, for the motion.
3. **Run.** The finished clip is in *Save Video*. **grow** in *Follow Mask* is the room that the new thing has around \
the old one; outside of it every pixel stays the source's. **invert** edits all but the thing.

The example has 128 × 128 pixels. For your clip set *width* and *height* in *Prepare Video* to **576** and **320** \
(the authors' model was made for 1024 × 1024), *grow* to 24. ComfyUI's *SAM3* nodes outline finer: they take the \
points and boxes of *Follow Mask*, and it takes their masks."""

BOTH_LOADERS = "*Load ReVideo as SVD* and *Load ReVideo ControlNet*, the same file in both"

TITLES = {
    "01_edit_one_area": "Edit one area",
    "02_edit_two_areas": "Edit two areas in one run",
    "03_new_motion": "Give a thing a new motion",
    "04_many_areas": "Many areas, some of them moving",
    "05_long_video": "Edit a video of any length",
    "06_keep_motion": "Keep the motion, change the thing",
    "08_native_long_context": "More frames at once, by context windows",
    "10_click_and_follow": "Click a thing, and it is followed",
    "14_crop_and_stitch": "Edit a part of large frames",
    "15_add_a_thing": "Add a thing",
    "16_remove_a_thing": "Take a thing away",
}
HOW = {
    "01_edit_one_area": "**An area** (R) over all that may change: where the thing is, and everywhere it will go. **A "
    "path** (S: click its points, Enter) for where it goes, beginning on it.",
    "02_edit_two_areas": "**Two areas** (R) over all that may change, and **a path** (S) in each, beginning on the "
    "thing it moves.",
    "03_new_motion": "**A path** (S) from the thing to where it shall go; *Speed* says how. **An anchor** (A) would "
    "hold what must not move along. **An area** over both, and over where the thing went in the clip.",
    "04_many_areas": "Areas may be rectangles, ellipses, lassos, brush strokes; later ones count over earlier ones, "
    "and a subtracting one protects what lies under it. *Follows* in an area's settings lets it move with a path, so "
    "that it may stay small; *Feather* softens its edge.",
    "06_keep_motion": "**Anchors** (A) on corners and patterns of the thing: *Track Points* follows them through the "
    "clip, and its preview marks with a cross where one is lost. **An area** (R) over all that the thing passes. To "
    "change a track by hand, copy the text of *Tracks* and paste it into the editor.",
    "15_add_a_thing": "In the first frame the new thing stands where it begins. **A path** (S) from it to where it "
    "goes, **an area** (R) over its whole way.",
    "16_remove_a_thing": "In the first frame the thing is painted out. **An area** (R) over all that it passes in the "
    "clip, its shadow too. There is no path: nothing is to move.",
}

GET_WEIGHTS = f"""\
## The authors' weights

In a terminal, in this pack's folder: *python -m revideo download* puts **{MODEL_NAME}** into models/checkpoints. Or \
put [{RELEASED_FILE}]({ADDRESS}), 12 GB, there yourself. Then press **R**.

They are of [ReVideo]({WEIGHTS}) (Chong Mou et al., NeurIPS 2024). [Licence]({LICENCE_ADDRESS}): Stability AI's \
*Stable Video Diffusion Non-Commercial Community License*. Research and personal use, nothing commercial.
"""


WAN_STEPS = """\
## {title}

{what}, named below. ComfyUI's own nodes run it; how well it follows a drawing was not measured. With the files in \
place press **Run**.

**Your clip:** drop it on *ReVideo Editor*; it takes the example's place. *count* in *Prepare Video* says how many \
frames: 4n + 1, at most 81, of about 16 a second (*stride* takes every so many). *Control Video* cuts what is over.

1. **First frame.** Run once: *Save first frame* writes *revideo_first_frame* into ComfyUI's output folder. Edit it in \
any program, keep its size, and drop it on the editor too.
2. **Draw.** {draw}
3. **Say what is seen**, in *What is seen*: the whole picture, the new thing in it.
4. **Run.** {run} Outside the area every pixel stays the source's.
"""

WAN_TITLES = {"11_vace": "Wan VACE fills the area", "12_wan_move": "Wan-Move goes along the paths"}
WAN_DRAW = {
    "11_vace": "**An area** (R) over all that may change. VACE takes no paths: it goes by the edited frame, by what "
    "surrounds the area, and by the text.",
    "12_wan_move": "**A path** (S) for where the thing goes, beginning on it in the first frame; several hold and turn "
    "it. **An area** (R) over all that may change.",
}
WAN_RUN = {
    "11_vace": "*Control Video* greys the area and leaves the edited frame whole. *reference_image* may be left out.",
    "12_wan_move": "Wan-Move makes the whole video from the edited frame; *Keep Unedited* takes the area of it.",
}
WAN_MODELS = {
    "11_vace": ("wan2.1_vace_1.3B_fp16", "umt5_xxl_fp8_e4m3fn_scaled", "wan_2.1_vae"),
    "12_wan_move": (
        "Wan21-WanMove_fp8_scaled_e4m3fn_KJ",
        "umt5_xxl_fp8_e4m3fn_scaled",
        "wan_2.1_vae",
        "clip_vision_h",
    ),
}


def wan_steps_note(name: str) -> Node:
    texts = {"what": DESCRIPTIONS[name], "draw": WAN_DRAW[name], "run": WAN_RUN[name]}
    return note(WAN_STEPS.format(title=WAN_TITLES[name], **texts), (410, 500))


def wan_files_note(name: str) -> Node:
    files = [WAN_FILES[f"{stem}.safetensors"] for stem in WAN_MODELS[name]]
    lines = [f"- [{file['name']}]({file['url']}) → models/**{file['directory']}**" for file in files]
    more = " The larger *wan2.1_vace_14B_fp16* beside the first goes up to 1280 × 720." if name == "11_vace" else ""
    text = f"## Files\n\n{chr(10).join(lines)}\n\nThen press **R**.{more} Their licences are their makers'.\n"
    return note(text, (410, 210))


def steps_note(name: str) -> Node:
    first = SAME_FRAME if name == "03_new_motion" else FIRST_FRAME
    own = {"05_long_video": LONG_DRAW, "08_native_long_context": CONTEXT_DRAW, "14_crop_and_stitch": CROP_DRAW}
    own["10_click_and_follow"] = FOLLOW_CLICK
    draw = own.get(name)
    text = STEPS.format(
        title=TITLES[name],
        what=DESCRIPTIONS[name] + ".",
        loader=BOTH_LOADERS if name == "08_native_long_context" else "*Load ReVideo Model*",
        choice=CHOICE if draw in (None, CROP_DRAW, FOLLOW_CLICK) else "",
        steps=f"{first}\n{draw or DRAW.format(draw=HOW[name])}",
    )
    return note(text, (410, 530))


def weights_note() -> Node:
    return note(GET_WEIGHTS, (410, 180))
