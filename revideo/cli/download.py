"""`revideo download`: the released weights, their licence accepted first."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from ..checkpoints.released import (
    ADDRESS,
    LICENCE,
    LICENCE_ADDRESS,
    LICENCE_ALLOWS,
    MODEL_NAME,
    RELEASED_FILE,
    download_target,
)
from .common import DTYPES, Refused, add_command, refusing


def add_download(commands: Any) -> None:
    download = add_command(
        commands,
        "download",
        run_download,
        help="fetch the released weights and make a .safetensors file of them",
        description=f"""\
Fetches the weights that ReVideo's authors released (12.3 GB) from
{ADDRESS},
checks them, and writes them as .safetensors in half the size. Stopped, it goes on where it was. The weights are
under {LICENCE}:
{LICENCE_ALLOWS}. You are asked to accept it.

They come as a pickle, which is read as plain tensors; code in it is refused, never run.""",
        epilog="""\
examples:

  revideo download                            # into the ComfyUI that this pack is in, else this folder
  revideo download path/to/ComfyUI            # into its models/checkpoints
  revideo download models/revideo.safetensors --accept-licence

HF_ENDPOINT names a mirror of the hub, HF_TOKEN a token of yours.""",
    )
    download.add_argument(
        "target",
        metavar="TARGET",
        nargs="?",
        type=Path,
        help=f"a .safetensors file, a folder for {MODEL_NAME}, or ComfyUI's folder (default: the ComfyUI that this "
        f"pack is installed in, else ./{MODEL_NAME})",
    )
    download.add_argument(
        "--accept-licence",
        "--accept-license",
        action="store_true",
        help=f"you have read the licence, {LICENCE_ADDRESS}, and accept it: do not ask",
    )
    download.add_argument("--dtype", choices=DTYPES, default="fp16", help="precision to store (default: fp16)")
    download.add_argument("--revision", metavar="NAME", default="main", help="of the authors' files (default: main)")
    download.add_argument(
        "--keep-ckpt", action="store_true", help="leave the file as it was fetched beside TARGET, as .ckpt"
    )


def run_download(arguments: argparse.Namespace) -> int:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # or the hub's client asks for more than the file
    from ..checkpoints.download import check_whole, download
    from ..files import check_target

    with refusing():
        target = download_target(arguments.target)
        check_target(target, (".safetensors",), ())
        if target.exists():
            check_whole(target)
            print(f"{target}: a whole model is there already, so nothing was fetched")
            return 0
        ask_licence(target, arguments.accept_licence)
        download(
            target,
            accept_licence=True,
            dtype=DTYPES[arguments.dtype],
            revision=arguments.revision,
            keep_ckpt=arguments.keep_ckpt,
            report=lambda text: print(text, file=sys.stderr),
        )
    print(f"{target}: {target.stat().st_size / 1e6:,.1f} MB")
    if arguments.keep_ckpt:
        print(f"{target.with_suffix('.ckpt')}: {RELEASED_FILE} as it was fetched")
    return 0


def ask_licence(target: Path, accepted: bool) -> None:
    """Shows the licence, and asks where nothing else has said so; raises Refused."""
    print(
        f"The weights of ReVideo's authors, for {target}, are no part of this project. They are under\n"
        f"  {LICENCE},\n"
        f"  {LICENCE_ADDRESS},\n"
        f"which allows {LICENCE_ALLOWS}.",
        file=sys.stderr,
    )
    if accepted:
        return
    if not sys.stdin.isatty():
        raise Refused("the licence of the weights must be accepted first: read it, and add --accept-licence")
    print("Do you accept it? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Refused("the licence was not accepted, so nothing was fetched")
