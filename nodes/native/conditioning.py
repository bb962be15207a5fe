"""The native route: ReVideo's ControlNet and conditioning for ComfyUI's own Stable Video Diffusion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import comfy.model_management as management
import torch
from comfy_api.latest import io
from torch import Tensor

from ..model import BUILT_IN, WEIGHT_DTYPES, change_times, check_checkpoint, checkpoint_names, checkpoint_path
from ..sockets import CATEGORY, Conditions, checked
from .checks import check_embedding, check_model, check_vae, warn_of_other_weights
from .control_net import ReVideoControl
from .sides import REFERENCES, side_hooks

if TYPE_CHECKING:
    from comfy.clip_vision import ClipVisionModel
    from comfy.controlnet import ControlBase
    from comfy.model_patcher import ModelPatcher
    from comfy.sd import VAE

    from ... import revideo


class ReVideoLoadControlNet(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoLoadControlNet",
            display_name="Load ReVideo ControlNet",
            category=CATEGORY,
            description="Loads ReVideo's ControlNet alone, for ComfyUI's own Stable Video Diffusion. Of a whole "
            "checkpoint only that part is read.",
            search_aliases=["revideo controlnet", "motion ControlNet", "svd controlnet"],
            inputs=[
                io.Combo.Input(
                    "checkpoint",
                    options=[BUILT_IN, *checkpoint_names()],
                    tooltip="The same ReVideo checkpoint that the MODEL comes from, in models/revideo or "
                    "models/checkpoints; a control file is enough. The help page of Load ReVideo Model says how to get "
                    "the weights.",
                ),
                io.Combo.Input(
                    "weight_dtype",
                    options=["auto", *WEIGHT_DTYPES],
                    default="auto",
                    tooltip="Precision of weights and computation. auto lets ComfyUI choose for your device.",
                    advanced=True,
                ),
            ],
            # There, ControlNet names an import too, which a type checker takes it for.
            outputs=[io.ControlNet.Output("control_net", tooltip="To ReVideo Native Conditioning.")],  # type: ignore[attr-defined]
        )

    @classmethod
    def validate_inputs(cls, checkpoint: str = BUILT_IN) -> bool | str:
        return check_checkpoint(checkpoint)

    @classmethod
    def fingerprint_inputs(cls, checkpoint: str, weight_dtype: str) -> list[float]:
        """Loads again when a file was replaced under the same name."""
        return change_times(checkpoint)

    @classmethod
    @checked
    def execute(cls, checkpoint: str, weight_dtype: str) -> io.NodeOutput:
        from ...revideo.checkpoints.reading import load_control
        from ...revideo.pipeline.loading import lay_out_convolutions

        device = management.get_torch_device()
        dtype = WEIGHT_DTYPES.get(weight_dtype) or _dtype(device)
        part = load_control(checkpoint_path(checkpoint), dtype=dtype, mapped=False)
        if management.is_device_cpu(device):
            lay_out_convolutions(part.network)
        return io.NodeOutput(ReVideoControl(part, device))


def _dtype(device: torch.device) -> torch.dtype:
    """One in which the device computes: a ControlNet is small enough not to be kept in another."""
    dtype = management.unet_dtype(device, supported_dtypes=list(WEIGHT_DTYPES.values()))
    return management.unet_manual_cast(dtype, device) or dtype


class ReVideoNativeConditioning(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoNativeConditioning",
            display_name="ReVideo Native Conditioning",
            category=CATEGORY,
            description="Makes of ReVideo's conditions what KSampler takes: positive and negative with the ControlNet "
            "applied, and an empty latent of the clip's length and size.",
            search_aliases=["revideo ksampler", "svd img2vid conditioning", "apply revideo", "ControlNet apply"],
            inputs=[
                io.Model.Input(
                    "model",
                    tooltip="A ReVideo checkpoint's, from ImageOnlyCheckpointLoader or Load ReVideo as SVD. It is only "
                    "looked at: whether the ControlNet fits it.",
                ),
                io.ClipVision.Input("clip_vision", tooltip="From the same loader."),
                io.Vae.Input("vae", tooltip="From the same loader."),
                io.ControlNet.Input("control_net", tooltip="From Load ReVideo ControlNet."),  # type: ignore[attr-defined]
                Conditions.Input("conditions", tooltip="From ReVideo Conditions."),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=10.0,
                    step=0.01,
                    tooltip="How much the ControlNet adds. 1 is what it was trained for; 0 leaves plain SVD.",
                ),
                io.Float.Input(
                    "start_percent",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    tooltip="From which part of sampling on the ControlNet works.",
                    advanced=True,
                ),
                io.Float.Input(
                    "end_percent",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    tooltip="Until which part of sampling it works.",
                    advanced=True,
                ),
                io.Int.Input(
                    "fps",
                    default=6,
                    min=1,
                    max=120,
                    tooltip="The frame rate told to the model, not the file's: the released examples use 6 or 10.",
                    advanced=True,
                ),
                io.Int.Input(
                    "motion_bucket",
                    default=127,
                    min=0,
                    max=1023,
                    tooltip="SVD's overall amount of motion. The released examples leave it at 127.",
                    advanced=True,
                ),
                io.Float.Input(
                    "noise_augmentation",
                    default=0.02,
                    min=0.0,
                    max=10.0,
                    step=0.01,
                    tooltip="Noise on the edited frame before it is encoded. More lets the result leave it further.",
                    advanced=True,
                ),
                io.Int.Input(
                    "augmentation_seed",
                    default=23,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    tooltip="Of that noise alone; as ReVideo Sampler's seed. KSampler has its own.",
                    advanced=True,
                ),
            ],
            outputs=[
                io.Conditioning.Output("positive", tooltip="To KSampler."),
                io.Conditioning.Output("negative", tooltip="To KSampler."),
                io.Latent.Output("latent", tooltip="To KSampler: empty, of the clip's length and size."),
            ],
        )

    @classmethod
    @checked
    def execute(
        cls,
        model: ModelPatcher,
        clip_vision: ClipVisionModel,
        vae: VAE,
        control_net: ControlBase,
        conditions: revideo.Conditions,
        strength: float,
        start_percent: float,
        end_percent: float,
        fps: int,
        motion_bucket: int,
        noise_augmentation: float,
        augmentation_seed: int,
    ) -> io.NodeOutput:
        if not isinstance(control_net, ReVideoControl):
            raise ValueError(
                f"the ControlNet is no ReVideo one ({type(control_net).__name__}): take Load ReVideo ControlNet "
                f"here, and put others behind this node with Apply ControlNet"
            )
        part = control_net.part
        check_model(model.model, part)
        check_vae(vae, part)
        part.config.check_size(*conditions.size)
        warn_of_other_weights(model, part)

        from ...revideo.conditions import signed
        from ...revideo.editing.bidirectional import window_sides

        pictures = {0: conditions.reference}
        if conditions.edit is not None:
            pictures = {index: signed(picture) for index, picture in conditions.edit.edited_frames.items()}
        window = part.config.unet.num_frames
        sides = [] if conditions.from_first else window_sides(conditions, window)
        embeddings = {index: _embed(clip_vision, picture) for index, picture in pictures.items()}
        check_embedding(embeddings[min(pictures)], part)
        latents = {
            index: _encode(vae, picture, noise_augmentation, augmentation_seed) for index, picture in pictures.items()
        }
        embedding, reference = embeddings[min(pictures)], latents[min(pictures)]
        # ComfyUI's SVD takes 1 off the frame rate, as Stability's does; the released model is told the rate itself.
        settings: dict[str, Any] = {
            "fps": fps + 1,
            "motion_bucket_id": motion_bucket,
            "augmentation_level": noise_augmentation,
        }
        if strength > 0:
            control = control_net.with_conditions(conditions, strength, (start_percent, end_percent))
            settings |= {"control": control, "control_apply_to_uncond": False}  # it is applied to both below
        with_picture = settings | {"concat_latent_image": reference}
        without = settings | {"concat_latent_image": torch.zeros_like(reference)}
        if sides:
            hooks = side_hooks(sides, window)
            seen = [(embeddings[side.order[0]], latents[side.order[0]]) for side in sides]
            with_picture |= {"hooks": hooks, REFERENCES: seen}
            without |= {"hooks": hooks, REFERENCES: [tuple(map(torch.zeros_like, each)) for each in seen]}
        latent = torch.zeros(conditions.num_frames, *reference.shape[1:], device=management.intermediate_device())
        positive, negative = [[embedding, with_picture]], [[torch.zeros_like(embedding), without]]
        return io.NodeOutput(positive, negative, {"samples": latent})


def _embed(clip_vision: ClipVisionModel, reference: Tensor) -> Tensor:
    """(3, H, W) in [-1, 1] → (1, 1, D), preprocessed as the released model was: ComfyUI crops and rounds."""
    from ...revideo.models.image_encoder import clip_pixels

    management.load_model_gpu(clip_vision.patcher)
    pixels = clip_pixels(reference, clip_vision.image_size).to(clip_vision.load_device)
    _, _, embedding, *_ = clip_vision.model(pixel_values=pixels, intermediate_output=-2)
    return embedding[:, None].to(management.intermediate_device())


def _encode(vae: VAE, reference: Tensor, noise_augmentation: float, seed: int) -> Tensor:
    """(3, H, W) in [-1, 1] → (1, C, h, w), not scaled; the noise is that of ReVideo Sampler."""
    from ...revideo.pipeline.pipeline import AUGMENTATION, draw_noise

    noisy = reference + noise_augmentation * draw_noise(reference.shape, seed, AUGMENTATION)
    return vae.encode(((noisy + 1) / 2).movedim(0, -1)[None])
