"""`nox -s bench`: time and memory of a fixed mid-size model, as one JSON line (the last of stdout).

One fifth of the released widths, so that the parts weigh what they weigh there, over the
same 14 frames; random weights. Options: --device cuda (computes in fp16), --steps, --threads,
--no-editor (which leaves out bench_editor.py, and its browser), --no-long (which leaves out bench_long.py).
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line has it

import diffusers
import psutil
import torch

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)  # not tests/, where a folder revideo/ holds tests

import revideo  # noqa: E402
from revideo.config import ControlConfig, ImageEncoderConfig, ModelConfig, UNetConfig, VAEConfig  # noqa: E402
from revideo.model import sample_from_noise  # noqa: E402
from revideo.random_weights import write_random_checkpoint  # noqa: E402
from revideo.sampling import karras_sigmas  # noqa: E402

CONFIG = ModelConfig(
    UNetConfig(model_channels=64, num_head_channels=32, context_dim=256, time_id_dim=64, num_frames=14),
    ControlConfig(condition_channels=(4, 8, 20, 52)),
    VAEConfig(channels=32),
    ImageEncoderConfig(width=256, head_width=16, embed_dim=256),
)
HEIGHT, WIDTH = 256, 448
IMPORT = "import time; start = time.perf_counter(); import revideo; print(time.perf_counter() - start)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=3, help="sampling steps timed after one to warm up")
    parser.add_argument("--threads", type=int, help="of torch on the CPU; default: its own choice")
    parser.add_argument("--no-editor", action="store_true", help="leave out the editor, which needs a browser")
    parser.add_argument("--no-long", action="store_true", help="leave out long videos, which take minutes")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        write_random_checkpoint(arguments.write, CONFIG)
        return
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "bench.safetensors"
        # In a process of its own: making the weights must not count as memory of using them.
        subprocess.run([sys.executable, __file__, "--write", str(checkpoint)], check=True)
        figures = measure(checkpoint, torch.device(arguments.device), arguments.steps)
    if not arguments.no_long:
        long = [sys.executable, str(ROOT / "tests/bench_long.py")]
        figures["long_video"] = json.loads(subprocess.run(long, check=True, capture_output=True, text=True).stdout)
    if not arguments.no_editor:
        editor = [sys.executable, str(ROOT / "tests/bench_editor.py")]
        figures["editor"] = json.loads(subprocess.run(editor, check=True, capture_output=True, text=True).stdout)
    print(json.dumps(figures))


@torch.inference_mode()
def measure(checkpoint: Path, device: torch.device, steps: int) -> dict[str, object]:
    seconds: dict[str, float] = {"import_revideo": min(import_seconds() for _ in range(3))}

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds[stage] = time.perf_counter() - start

    with timed("load"):
        model = revideo.load(checkpoint, device=device)
        model.place(model.unet, model.controlnet, model.vae, model.image_encoder)
    video, edit = clip()
    with timed("conditions"):
        conditions = revideo.make_conditions(video, edit)
    options = revideo.SamplerOptions(steps=steps + 1)
    with timed("condition"):
        conditioning = model.condition(conditions, options)
    noise = torch.randn(model.latent_shape(conditions), generator=torch.Generator().manual_seed(0)).to(device)
    moments: list[float] = []

    def step_done(*_: object) -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()
        moments.append(time.perf_counter())

    sigmas = karras_sigmas(options.steps).to(device)
    latents = sample_from_noise(model.denoiser(conditioning, options), noise, sigmas, step_done)
    per_step = [end - start for start, end in pairwise(moments)]  # from the end of the first, which warms up
    with timed("decode"):
        frames = model.decode(latents, len(latents))
    if not frames.isfinite().all():
        raise RuntimeError("the model's output is not finite")
    seconds["decode_per_frame"] = seconds.pop("decode") / len(frames)
    return {
        "seconds_per_step": round(statistics.median(per_step), 4),
        "peak_memory_mib": round(peak_memory_mib()),
        "peak_cuda_mib": round(torch.cuda.max_memory_allocated() / 2**20) if device.type == "cuda" else None,
        "seconds": {stage: round(value, 4) for stage, value in seconds.items()},
        "steps_timed": [round(value, 4) for value in per_step],
        "frames": len(frames),
        "size": f"{WIDTH}x{HEIGHT}",
        "million_parameters": {
            part: round(sum(p.numel() for p in getattr(model, part).parameters()) / 1e6, 1)
            for part in ("unet", "controlnet", "vae", "image_encoder")
        },
        "dtype": str(model.unet.dtype).removeprefix("torch."),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "threads": torch.get_num_threads(),
        "load_average": round(psutil.getloadavg()[0], 1),  # of a busy machine these figures say little
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "python": platform.python_version(),
    }


def clip() -> tuple[torch.Tensor, revideo.Edit]:
    """A clip and an edit of it with one area and two paths."""
    generator = torch.Generator().manual_seed(0)
    video = torch.rand(CONFIG.unet.num_frames, 3, HEIGHT, WIDTH, generator=generator)
    region = torch.zeros(1, 1, HEIGHT, WIDTH)
    region[..., 64:192, 96:352] = 1
    tracks = revideo.parse_tracks("[[[120, 100], [320, 120]], [[120, 150], [320, 170]]]")
    return video, revideo.Edit(video[0], tracks.stretched(len(video)), region)


def import_seconds() -> float:
    run = subprocess.run([sys.executable, "-c", IMPORT], cwd=ROOT, capture_output=True, text=True, check=True)
    return float(run.stdout)


def peak_memory_mib() -> float:
    """Of this process, resident."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB here
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


if __name__ == "__main__":
    main()
