"""The workflows of other models: the same drawing by ComfyUI's own nodes for Wan VACE and Wan-Move."""

from __future__ import annotations

from layout import GROUPS, Column, Node
from notes import WAN_FILES

# As ComfyUI's templates have them: video_wan_vace_outpainting and video_wanmove_480p, without their LoRAs.
VACE = {"steps": 20, "cfg": 6.0, "sampler_name": "uni_pc", "scheduler": "simple", "denoise": 1.0}
WAN_MOVE = VACE | {"sampler_name": "er_sde"}
SHIFT = 8.0

ASKED = "A flat animation: a small blue fish glides over a grey, cloudy ground; the camera stands still."
UNWANTED = "blurry, distorted, low quality, text, watermark, still picture"
SIZES = ("length", "width", "height")


def loaders(model: str, *, vision: bool) -> dict[str, Node]:
    def loader(type_: str, widget: str, name: str, **widgets: str) -> Node:
        return Node(
            type_, {}, {widget: name} | widgets, models=[WAN_FILES[name]], size=(280, 140)
        )  # room for what is missing

    found = {
        "unet": loader("UNETLoader", "unet_name", model),
        "texts": loader("CLIPLoader", "clip_name", "umt5_xxl_fp8_e4m3fn_scaled.safetensors", type="wan"),
        "vae": loader("VAELoader", "vae_name", "wan_2.1_vae.safetensors"),
    }
    if vision:
        found["vision"] = loader("CLIPVisionLoader", "clip_name", "clip_vision_h.safetensors")
    return found | {"shifted": Node("ModelSamplingSD3", {"model": ("unet", 0)}, {"shift": SHIFT}, size=(280, 0))}


def control(edited: tuple[str, int], *, paths: bool) -> dict[str, Node]:
    inputs = {"frames": ("prepare", 0), "edited_frame": edited, "mask": ("editor", 1)}
    if paths:
        inputs["trajectories"] = ("editor", 0)
    return {
        # Nodes 2.0 needs more than the frontend says.
        "control": Node("ReVideoControlVideo", inputs, size=(270, 400)),
        "report": Node("PreviewAny", {"source": ("control", 10)}, title="Report", size=(270, 140)),
    }


def asking(node: Node) -> dict[str, Node]:
    """Texts, and the node that makes conditioning of them."""
    texts = {
        name: Node("CLIPTextEncode", {"clip": ("texts", 0)}, {"text": text}, title, (270, 150))
        for name, text, title in (("asked", ASKED, "What is seen"), ("unwanted", UNWANTED, "What is not"))
    }
    node.inputs |= {"positive": ("asked", 0), "negative": ("unwanted", 0), "vae": ("vae", 0)}
    node.inputs |= {name: ("control", slot) for slot, name in enumerate(SIZES, 5)}
    return texts | {"ask": node}


def sampled(options: dict[str, float | str], *, trimmed: bool) -> dict[str, Node]:
    sample = Node(
        "KSampler",
        {"model": ("shifted", 0), "positive": ("ask", 0), "negative": ("ask", 1), "latent_image": ("ask", 2)},
        {"seed": 23, "control_after_generate": "fixed"} | options,
        size=(270, 280),
    )
    trim = {"trim": Node("TrimVideoLatent", {"samples": ("sample", 0), "trim_amount": ("ask", 3)}, size=(270, 0))}
    decoded = {"samples": ("trim" if trimmed else "sample", 0), "vae": ("vae", 0)}
    keep = {"original": ("control", 8), "edited": ("decode", 0), "mask": ("control", 9)}
    return {
        "sample": sample,
        **(trim if trimmed else {}),
        "decode": Node("VAEDecode", decoded, size=(270, 0)),
        "keep": Node("ReVideoKeepUnedited", keep, {"feather": 8}, size=(270, 0)),
        "create": Node("CreateVideo", {"images": ("keep", 0), "fps": ("prepare", 1)}, size=(270, 0)),
        "save": Node("SaveVideo", {"video": ("create", 0)}, {"filename_prefix": "video/revideo_wan"}, size=(270, 320)),
    }


def vace_columns(edited: tuple[str, int]) -> list[Column]:
    """Behind clip, first frame and drawing."""
    given = {"control_video": ("control", 0), "control_masks": ("control", 1), "reference_image": ("control", 2)}
    return [
        Column("Control video", GROUPS["edit"], control(edited, paths=False)),
        Column("Wan VACE", GROUPS["model"], loaders("wan2.1_vace_1.3B_fp16.safetensors", vision=False)),
        Column("Ask", GROUPS["edit"], asking(Node("WanVaceToVideo", given, size=(270, 0)))),
        Column("Result", GROUPS["result"], sampled(VACE, trimmed=True)),
    ]


def wan_move_columns(edited: tuple[str, int]) -> list[Column]:
    vision = {"clip_vision": ("vision", 0), "image": ("control", 2)}
    given = {"tracks": ("control", 3), "start_image": ("control", 2), "clip_vision_output": ("seen", 0)}
    models = loaders("Wan21-WanMove_fp8_scaled_e4m3fn_KJ.safetensors", vision=True)
    models["seen"] = Node("CLIPVisionEncode", vision, size=(280, 0))
    return [
        Column("Tracks", GROUPS["edit"], control(edited, paths=True)),
        Column("Wan-Move", GROUPS["model"], models),
        Column("Ask", GROUPS["edit"], asking(Node("WanMoveTrackToVideo", given, size=(270, 0)))),
        Column("Result", GROUPS["result"], sampled(WAN_MOVE, trimmed=False)),
    ]
