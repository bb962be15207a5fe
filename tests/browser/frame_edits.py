"""Workflows in which a prompt makes the edited first frame: image models of ComfyUI's own, inside the mask alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from comfyui_server import WINDOW
from layout import GROUPS, Column, Node, note

HUB = "https://huggingface.co"
INPAINTING = {
    "name": "sd-v1-5-inpainting.ckpt",
    "url": f"{HUB}/stable-diffusion-v1-5/stable-diffusion-inpainting/resolve/main/sd-v1-5-inpainting.ckpt",
    "directory": "checkpoints",
}
CONTROL = {
    "name": "control_v11f1p_sd15_depth_fp16.safetensors",
    "url": f"{HUB}/comfyanonymous/ControlNet-v1-1_fp16_safetensors/resolve/main/"
    "control_v11f1p_sd15_depth_fp16.safetensors",
    "directory": "controlnet",
}
DEPTH = {  # as ComfyUI's own blueprint of depth has it
    "name": "depth_anything_3_mono_large.safetensors",
    "url": f"{HUB}/Comfy-Org/Depth-Anything-3/resolve/main/geometry_estimation/depth_anything_3_mono_large.safetensors",
    "directory": "geometry_estimation",
}

TEXT = f"""\
## An edited first frame from a prompt

Stable Diffusion repaints the first frame inside the area, held to the frame's depth (the first stage of MagicProp); \
ReVideo takes that as its edited frame. The clip is an example, and ReVideo's model the small one of the pack.

**Files** (ComfyUI offers what is missing):

- checkpoints: [{INPAINTING["name"]}]({INPAINTING["url"]}), CreativeML OpenRAIL-M
- controlnet: [control_v11f1p_sd15_depth_fp16]({CONTROL["url"]}), OpenRAIL
- geometry_estimation: [depth_anything_3_mono_large]({DEPTH["url"]}), Apache 2.0

1. **Draw** the **area** (R) to repaint; where it *follows* a path, its place on the first frame counts. A **path** \
(S) for how the thing moves.
2. **Prompt**: what shall be there. **Run.** Outside the area *Save edited first frame* is the frame to the bit. \
Another *seed* in *KSampler*, another picture.
3. **The authors' weights**, below, for clips of your own: drop one on the editor, and choose them in *Load ReVideo \
Model*.
"""

KLEIN = {  # these three as ComfyUI's own templates have them
    "name": "flux-2-klein-base-4b-fp8.safetensors",
    "url": f"{HUB}/black-forest-labs/FLUX.2-klein-base-4b-fp8/resolve/main/flux-2-klein-base-4b-fp8.safetensors",
    "directory": "diffusion_models",
}
QWEN = {
    "name": "qwen_3_4b.safetensors",
    "url": f"{HUB}/Comfy-Org/z_image_turbo/resolve/main/split_files/text_encoders/qwen_3_4b.safetensors",
    "directory": "text_encoders",
}
FLUX_VAE = {
    "name": "flux2-vae.safetensors",
    "url": f"{HUB}/Comfy-Org/flux2-dev/resolve/main/split_files/vae/flux2-vae.safetensors",
    "directory": "vae",
}

EDIT_TEXT = f"""\
## An edited first frame from an instruction

An edit model (FLUX.2 klein 4B) sees the first frame and changes it as a sentence says; of that, what lies inside the \
area goes into the frame, and ReVideo takes it as its edited frame. The clip is an example, and ReVideo's model the \
small one of the pack.

**Files** (ComfyUI offers what is missing; read the licence of each where it is):

- diffusion_models: [flux-2-klein-base-4b-fp8]({KLEIN["url"]})
- text_encoders: [qwen_3_4b]({QWEN["url"]})
- vae: [flux2-vae]({FLUX_VAE["url"]})

1. **Draw** the **area** (R) that may change; where it *follows* a path, its place on the first frame counts. A \
**path** (S) for how the thing moves.
2. **Instruction**: what to do with what is there. **Run.** Outside the area *Save edited first frame* is the frame \
to the bit. The frame is neither scaled nor cropped on its way, so that edges meet.
3. **The authors' weights**, below, for clips of your own: drop one on the editor, and choose them in *Load ReVideo \
Model*. Edit models are at home at a megapixel, as the authors' is: 1024 in *Prepare Video*.
"""

PROMPT = "a red toy car on a stone floor, photo"
NEGATIVE = "blurry, deformed, text"
INSTRUCTION = "turn the violet star into a red toy car, change nothing else"


def write_placeholders(models: Path) -> None:
    """Empty files for the edit model, which is of one size: its loaders list them, and none of them can be run."""
    for model in (KLEIN, QWEN, FLUX_VAE):
        (models / model["directory"]).mkdir(parents=True, exist_ok=True)
        (models / model["directory"] / model["name"]).touch()


def steps_note(by_edit_model: bool) -> Node:
    return note(EDIT_TEXT if by_edit_model else TEXT, (410, 530))


def image_model() -> dict[str, Node]:
    return {
        "checkpoint": Node("CheckpointLoaderSimple", {}, {"ckpt_name": INPAINTING["name"]}, models=[INPAINTING]),
        "control": Node("ControlNetLoader", {}, {"control_net_name": CONTROL["name"]}, models=[CONTROL]),
        "depth model": Node("LoadDA3Model", {}, {"model_name": DEPTH["name"]}, models=[DEPTH]),
        "geometry": Node("DA3Inference", {"da3_model": ("depth model", 0), "image": ("first", 0)}),
        "depth": Node("DA3Render", {"da3_geometry": ("geometry", 0)}),
        "show depth": Node("PreviewImage", {"images": ("depth", 0)}, title="Depth: near is bright", size=(250, 250)),
    }


def mask_of_first() -> dict[str, Node]:
    """Of all masks the first frame's, in zeros and ones: so that outside nothing is mixed."""
    return {
        "binary": Node("ThresholdMask", {"mask": ("editor", 1)}, {"value": 0.5}),
        "masks": Node("MaskToImage", {"mask": ("binary", 0)}),
        "first mask": Node("ImageFromBatch", {"image": ("masks", 0)}, {"batch_index": 0, "length": 1}, "First mask"),
        "mask": Node("ImageToMask", {"image": ("first mask", 0)}, {"channel": "red"}),
    }


def painted() -> dict[str, Node]:
    positive = Node("CLIPTextEncode", {"clip": ("checkpoint", 1)}, {"text": PROMPT}, "Prompt", (270, 150))
    negative = Node("CLIPTextEncode", {"clip": ("checkpoint", 1)}, {"text": NEGATIVE}, "What shall not be", (270, 110))
    controlled = {
        "positive": ("positive", 0),
        "negative": ("negative", 0),
        "control_net": ("control", 0),
        "image": ("depth", 0),
        "vae": ("checkpoint", 2),
    }
    inpaint = {
        "positive": ("controlled", 0),
        "negative": ("controlled", 1),
        "vae": ("checkpoint", 2),
        "pixels": ("first", 0),
        "mask": ("mask", 0),
    }
    sample = {
        "model": ("checkpoint", 0),
        "positive": ("inpaint", 0),
        "negative": ("inpaint", 1),
        "latent_image": ("inpaint", 2),
    }
    settings = {
        "seed": 23,
        "control_after_generate": "fixed",
        "steps": 30,
        "cfg": 7.5,
        "sampler_name": "dpmpp_2m",
        "scheduler": "karras",
        "denoise": 1.0,
    }
    return {
        "positive": positive,
        "negative": negative,
        "controlled": Node("ControlNetApplyAdvanced", controlled),
        "inpaint": Node("InpaintModelConditioning", inpaint),
        "paint": Node("KSampler", sample, settings, size=(270, 280)),
        "pixels": Node("VAEDecode", {"samples": ("paint", 0), "vae": ("checkpoint", 2)}),
    }


def edit_model() -> dict[str, Node]:
    """Its latents have the frame's own size, which is a multiple of what it works in."""
    size = {"width": ("prepare", 2), "height": ("prepare", 3)}
    return {
        "unet": Node("UNETLoader", {}, {"unet_name": KLEIN["name"]}, models=[KLEIN]),
        "clip model": Node("CLIPLoader", {}, {"clip_name": QWEN["name"], "type": "flux2"}, models=[QWEN]),
        "vae": Node("VAELoader", {}, {"vae_name": FLUX_VAE["name"]}, models=[FLUX_VAE]),
        "seen": Node("VAEEncode", {"pixels": ("first", 0), "vae": ("vae", 0)}),
        "empty": Node("EmptyFlux2LatentImage", size),
        "sigmas": Node("Flux2Scheduler", size, {"steps": 20}),
        "noise": Node("RandomNoise", {}, {"noise_seed": 23, "control_after_generate": "fixed"}),
        "solver": Node("KSamplerSelect", {}, {"sampler_name": "euler"}),
    }


def instructed() -> dict[str, Node]:
    guided = {"model": ("unet", 0), "positive": ("with frame", 0), "negative": ("without", 0)}
    sampled = {"noise": "noise", "guider": "guider", "sampler": "solver", "sigmas": "sigmas", "latent_image": "empty"}
    instruction = Node("CLIPTextEncode", {"clip": ("clip model", 0)}, {"text": INSTRUCTION}, "Instruction", (270, 150))
    return {
        "instruction": instruction,
        "nothing": Node("CLIPTextEncode", {"clip": ("clip model", 0)}, {"text": ""}, "What shall not be", (270, 110)),
        "with frame": Node("ReferenceLatent", {"conditioning": ("instruction", 0), "latent": ("seen", 0)}),
        "without": Node("ReferenceLatent", {"conditioning": ("nothing", 0), "latent": ("seen", 0)}),
        "guider": Node("CFGGuider", guided, {"cfg": 5.0}),
        "painted": Node("SamplerCustomAdvanced", {name: (node, 0) for name, node in sampled.items()}),
        "pixels": Node("VAEDecode", {"samples": ("painted", 0), "vae": ("vae", 0)}),
    }


def composed(source: tuple[str, int]) -> dict[str, Node]:
    """What was painted, inside the mask; the frame's own pixels outside."""
    inputs = {"destination": ("first", 0), "source": source, "mask": ("mask", 0)}
    return {
        "composed": Node("ImageCompositeMasked", inputs, {"resize_source": False}),
        "save edited": Node(
            "SaveImage",
            {"images": ("composed", 0)},
            {"filename_prefix": "revideo_edited_frame"},
            "Save edited first frame",
            (270, 260),
        ),
    }


def columns(first_frame: dict[str, Node], model_loader: Callable[[str], Node], by_edit_model: bool) -> list[Column]:
    """Behind clip and drawing."""
    conditions = {
        "frames": ("prepare", 0),
        "edited_frame": ("composed", 0),
        "mask": ("editor", 1),
        "trajectories": ("editor", 0),
    }
    sample = {"seed": 23, "control_after_generate": "fixed", "steps": 15, "latent_lock": True}
    keep = {"original": ("prepare", 0), "edited": ("decode", 0), "mask": ("editor", 1)}
    edit = {
        "conditions": Node("ReVideoConditions", conditions, size=(270, 300)),
        "model": model_loader("ReVideoLoadModel"),
    }
    result = {
        "sample": Node("ReVideoSampler", {"model": ("model", 0), "conditions": ("conditions", 0)}, sample),
        "decode": Node(
            "ReVideoDecode", {"model": ("model", 0), "samples": ("sample", 0)}, {"frames_per_chunk": WINDOW}
        ),
        "keep": Node("ReVideoKeepUnedited", keep, {"feather": 8}),
        "create": Node("CreateVideo", {"images": ("keep", 0), "fps": ("prepare", 1)}),
        "save": Node("SaveVideo", {"video": ("create", 0)}, {"filename_prefix": "video/revideo"}, size=(270, 320)),
    }
    if by_edit_model:
        image_columns = [
            Column("Edit model", GROUPS["model"], edit_model()),
            Column("Edit by an instruction", GROUPS["edit"], instructed()),
        ]
    else:
        image_columns = [
            Column("Image model, depth", GROUPS["model"], image_model()),
            Column("Paint after a prompt", GROUPS["edit"], painted()),
        ]
    row = [
        Column("First frame and its mask", GROUPS["clip"], first_frame | mask_of_first()),
        *image_columns,
        Column("Edited first frame", GROUPS["edit"], composed(("pixels", 0)) | edit),
        Column("Result", GROUPS["result"], result),
    ]
    for column in row:
        for node in column.nodes.values():
            node.size = (min(node.size[0], 270), node.size[1])
    return row
