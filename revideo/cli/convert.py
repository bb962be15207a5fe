"""`revideo convert`: a checkpoint in another form or precision."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .common import DTYPES, add_command, check_models, chosen_dtype, model_file, positive, refusing


def add_convert(commands: Any) -> None:
    convert = add_command(
        commands,
        "convert",
        run_convert,
        help="turn a checkpoint into another form or precision",
        description="""\
Converts between the forms a ReVideo model comes in: the released .ckpt, .safetensors with the same names,
a diffusers folder (a TARGET without suffix), and a control file beside a Stable Video Diffusion file.
A .ckpt is read as plain tensors; code in it is refused, never run. Existing targets are replaced.
A propagator (`revideo propagate`) goes from .safetensors to a folder and back, in any precision.""",
        epilog="""\
examples:

  revideo convert model.ckpt revideo.safetensors --dtype fp16
  revideo convert revideo.safetensors revideo_folder
  revideo convert revideo.safetensors control.safetensors --target-svd svd.safetensors
  revideo convert control.safetensors whole.safetensors --svd svd.safetensors
  revideo convert revideo.safetensors parts.safetensors --shard-mb 1000""",
    )
    convert.add_argument("source", metavar="SOURCE", type=model_file, help="what to read")
    convert.add_argument("target", metavar="TARGET", type=Path, help="what to write: .safetensors, .ckpt or a folder")
    convert.add_argument("--svd", metavar="PATH", type=Path, help="the SVD checkpoint, if SOURCE is a control file")
    convert.add_argument(
        "--target-svd", metavar="PATH", type=Path, help="part the model: TARGET gets ReVideo's part, this file the rest"
    )
    convert.add_argument("--dtype", choices=DTYPES, help="precision to store (default: as it is)")
    convert.add_argument(
        "--shard-mb",
        metavar="N",
        type=positive(int),
        help="write TARGET, a .safetensors file, in shards of at most N MB with their index",
    )
    convert.add_argument(
        "--config", metavar="JSON", type=Path, help="the model's sizes, if its file does not state them"
    )


def run_convert(arguments: argparse.Namespace) -> int:
    from ..files import check_sources, check_target, read_text

    with refusing():
        inputs = [arguments.source, arguments.svd, arguments.config]
        check_sources([arguments.config])
        check_models([arguments.source, arguments.svd])
        check_target(arguments.target, (".safetensors", ".ckpt", ""), inputs)
        if arguments.target_svd:
            check_target(arguments.target_svd, (".safetensors", ".ckpt"), [*inputs, arguments.target])

        from ..checkpoints.propagator import convert_propagator, is_propagator
        from ..checkpoints.writing import convert
        from ..models.config import ModelConfig

        if is_propagator(arguments.source):
            _check_propagator_options(arguments)
            convert_propagator(arguments.source, arguments.target, chosen_dtype(arguments))
            return _print_sizes(arguments)
        config = ModelConfig.from_json(read_text(arguments.config, "JSON")) if arguments.config else None
        convert(
            arguments.source,
            arguments.target,
            svd=arguments.svd,
            target_svd=arguments.target_svd,
            config=config,
            dtype=chosen_dtype(arguments),
            shard_mb=arguments.shard_mb,
        )
    return _print_sizes(arguments)


def _check_propagator_options(arguments: argparse.Namespace) -> None:
    for name in ("svd", "target_svd", "shard_mb", "config"):
        if getattr(arguments, name):
            raise ValueError(f"{arguments.source} is a propagator, which has no --{name.replace('_', '-')}")


def _print_sizes(arguments: argparse.Namespace) -> int:
    for file in filter(None, (arguments.target, arguments.target_svd)):
        if arguments.shard_mb and file == arguments.target:
            file = file.with_name(f"{file.name}.index.json")
        parts = [file] if file.is_file() else file.rglob("*.safetensors")
        print(f"{file}: {sum(part.stat().st_size for part in parts) / 1e6:,.1f} MB")
    return 0
