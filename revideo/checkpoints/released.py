"""The weights that ReVideo's authors released: where they are, under which licence, how to get them. Text alone."""

from __future__ import annotations

import os
from pathlib import Path

WEIGHTS = "https://github.com/MC-E/ReVideo"
REPOSITORY = "Adapter/ReVideo"  # of the authors, on the Hugging Face hub; their own scripts fetch it from there
RELEASED_FILE = "model.ckpt"  # a pickle of 3,074,935,914 numbers in fp32, 12.3 GB
ADDRESS = f"https://huggingface.co/{REPOSITORY}/resolve/main/{RELEASED_FILE}"
LICENCE = "Stability AI's Stable Video Diffusion Non-Commercial Community License"
LICENCE_ADDRESS = f"{WEIGHTS}/blob/main/LICENSE"
LICENCE_ALLOWS = "research and personal use, nothing commercial"

MODEL_NAME = "revideo.safetensors"  # as the example workflows call it
COMFYUI_FOLDER = Path("models", "checkpoints")


def no_checkpoint(path: str | Path) -> str:
    """What to say where a checkpoint is missing, and the two ways to get it."""
    target = f' "{path}"' if Path(path).suffix.lower() == ".safetensors" else ""
    return (
        f"there is no checkpoint {path}: `python -m revideo download{target}` fetches the released weights "
        f"({LICENCE_ALLOWS}), or get them in a browser from {ADDRESS}"
    )


def download_target(given: str | Path | None = None) -> Path:
    """Where the released weights go: the file that is named; in a folder, there; in ComfyUI's, among its checkpoints.

    None: the ComfyUI that this library is installed in as a pack, else the working directory. Raises FileNotFoundError
    for a folder that is not there.
    """
    if given is None:
        # By PWD too, which does not follow a link: many have the pack elsewhere, linked into custom_nodes.
        packs = (Path(__file__).parents[2], Path(os.environ.get("PWD", "")))
        given = next((pack.parents[1] for pack in packs if pack.parent.name == "custom_nodes"), Path())
    folder = Path(given)
    if not folder.is_dir():
        if not folder.suffix:
            raise FileNotFoundError(f"there is no folder {folder}: make it first, or name a .safetensors file")
        return folder
    inside = folder / COMFYUI_FOLDER
    return (inside if inside.is_dir() else folder) / MODEL_NAME
