"""What the pages print is run, as printed, in a folder that holds the files they name.

The rule for who writes a page: a ```python block runs, after the blocks above it on the page; every line of a block
without a language that begins with `revideo`, `nox` or `python -m` with `revideo`, `benchmarks` or `training` (also
behind `&&`, or behind a launcher: `… -m revideo`) is a whole command, which the real parser takes; `edit`, `convert`
and `evaluate` are carried out. What cannot run — somebody else's library, a fragment with "…" — stands in a ```text
block. Files, dotted names and options in running text are there.
"""

import argparse
import ast
import importlib
import importlib.util
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

import revideo
from benchmarks.gpu.environment import asks_for_training, split_arguments
from revideo.checkpoints.random_weights import write_random_checkpoint
from revideo.cli.main import build_parser
from revideo.cli.main import main as run_revideo
from revideo.models.config import ControlConfig, ImageEncoderConfig, ModelConfig, UNetConfig, VAEConfig
from revideo.pictures.sheets import write_image

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md"), *ROOT.glob("js/docs/*.md")]
RUN = ("edit", "convert", "evaluate")  # what takes seconds with a small model; the rest is parsed

# Sides in multiples of 64, as of the released model, and little else of it.
SMALLEST = ModelConfig(
    UNetConfig(
        model_channels=32,
        channel_mult=(1, 1),
        num_res_blocks=1,
        num_head_channels=32,
        context_dim=32,
        time_id_dim=16,
        num_frames=6,
    ),
    ControlConfig((4, 4, 4, 4, 8, 16)),
    VAEConfig(channels=32, channel_mult=(1, 1, 1, 1, 1, 1), num_res_blocks=1),
    ImageEncoderConfig(layers=1, width=32, head_width=32, patch_size=112, embed_dim=32),
)
MODELS = (
    "revideo.safetensors",
    "model.ckpt",
    "runs/released/3-deblock.safetensors",
    "runs/tiny/whole.safetensors",
)
PICTURES = ("edited_first_frame.png", "edited_frame.png", "edited.png")
TRACKS = '[[{"x": 100, "y": 160}, {"x": 300, "y": 160}]]'


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages name: models, a clip of 320×192, pictures, a mask, tracks and a drawing."""
    folder = tmp_path_factory.mktemp("files")
    for name in ("runs/released", "runs/tiny", "revideo/assets"):
        (folder / name).mkdir(parents=True)
    for name in MODELS:
        write_random_checkpoint(folder / name, SMALLEST)
    ground = torch.rand(1, 3, 24, 60, generator=torch.Generator().manual_seed(0))
    ground = F.interpolate(ground, size=(192, 480), mode="bicubic").clamp(0, 1)
    clip = torch.cat([ground[..., 4 * frame : 4 * frame + 320] for frame in range(SMALLEST.unet.num_frames)])
    revideo.write_video(folder / "clip.mp4", clip, 8)
    edited, mask = clip[0].clone(), torch.zeros(3, 192, 320)
    edited[:, 148:172, 88:112] = torch.tensor([1.0, 0.2, 0.1])[:, None, None]
    mask[:, 130:190, 70:316] = 1
    for name in PICTURES:
        write_image(folder / name, edited)
    write_image(folder / "mask.png", mask)
    (folder / "sizes.json").write_text(SMALLEST.to_json(), "utf-8")
    (folder / "tracks.json").write_text(TRACKS, "utf-8")
    points = [{"x": 100, "y": 160}, {"x": 300, "y": 160}]
    path = {"id": "p1", "kind": "line", "points": points}
    drawing = {"version": 1, "width": 320, "height": 192, "frames": 6, "paths": [path]}
    drawing["regions"] = [{"id": "r1", "kind": "rect", "points": [[70, 130], [316, 190]]}]
    (folder / "drawing.json").write_text(json.dumps(drawing), "utf-8")
    return folder


@pytest.fixture
def folder(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of them, and the working directory."""
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> Iterator[tuple[str, str, int]]:
    """Language, text and line of each fenced block; lists may indent them."""
    lines = page.read_text("utf-8").splitlines()
    start = None
    for number, line in enumerate(lines):
        if line.lstrip().startswith("```"):
            if start is None:
                start = number
            else:
                yield lines[start].strip().removeprefix("```"), "\n".join(lines[start + 1 : number]), start + 2
                start = None


PROGRAMS = ("revideo", "benchmarks", "training")  # what runs by `python -m`


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command of ours in a block: ["revideo", …], ["benchmarks.drift", …], ["nox", …]."""
    for line in text.replace("\\\n", " ").splitlines():
        for part in line.split("&&"):
            words = shlex.split(part, comments=True)
            if "-m" in words[1:] and words[words.index("-m") + 1].split(".")[0] in PROGRAMS:
                words = words[words.index("-m") + 1 :]
            if words and words[0].split(".")[0] in (*PROGRAMS, "nox"):
                yield words


def pages_with(*languages: str) -> list[Path]:
    return [page for page in PAGES if any(language in languages for language, _, _ in blocks(page))]


@pytest.mark.slow
@pytest.mark.parametrize("page", pages_with("python", ""), ids=name_of)
def test_what_a_page_prints_runs(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Block after block, as a reader would go on in one folder and one session of Python."""
    namespace: dict[str, object] = {}
    for language, text, line in blocks(page):
        if language == "python":
            with torch.random.fork_rng():
                exec(compile("\n" * (line - 1) + text, str(page), "exec"), namespace)
        elif not language:
            for words in commands(text):
                assert "…" not in words, f"{page.name}:{line}: a fragment stands in ```text"
                take(words, monkeypatch)


def take(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Carries a command out, or has its own parser read it."""
    program, *arguments = words
    if program == "revideo":
        if arguments[0] in RUN:
            if arguments[1].endswith(".ckpt"):  # which states no sizes: it is taken for the released model's
                arguments = [*arguments, "--config", "sizes.json"]
            assert run_revideo(arguments) == 0, words
        else:
            given = build_parser().parse_args(arguments)
            if arguments[0] == "train":
                assert (ROOT / given.config).exists(), words
    elif program == "nox":
        assert arguments[0] == "-s" and arguments[1] in sessions(), words
        rest = arguments[arguments.index("--") + 1 :] if "--" in arguments else []
        if arguments[1] == "bench":
            parse("benchmarks.engine", rest, monkeypatch)
        if arguments[1] == "gpu":
            module = "benchmarks.gpu.training" if asks_for_training(rest) else "benchmarks.gpu.program"
            parse(module, split_arguments(rest)[1], monkeypatch)
        assert all((ROOT / word).exists() for word in rest if "/" in word), words
    else:
        parse(program, arguments, monkeypatch)


class Parsed(Exception):
    """A program's own parser has read the arguments."""


def parse(module: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a program's `main` come as far as its parser, and no further."""
    real = argparse.ArgumentParser.parse_args

    def parse_args(parser: argparse.ArgumentParser, *given: object) -> None:
        real(parser, arguments)
        raise Parsed

    with monkeypatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse_args)
        with pytest.raises(Parsed):
            importlib.import_module(module).main()


def sessions() -> set[str]:
    """Of the noxfile: what is decorated as one."""
    nodes = ast.parse((ROOT / "noxfile.py").read_text("utf-8")).body
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.decorator_list}


def test_the_pages_drawing_is_one():
    texts = [text for language, text, _ in blocks(ROOT / "docs/edit_document.md") if language == "json"]
    for text in texts:
        document = revideo.EditDocument.from_json(text)
        assert len(document.paths) == 1 and document.trajectories(14, 768, 1344).points_px.shape == (1, 14, 2)
    assert texts


# --- Running text --------------------------------------------------------------------------

FILE = re.compile(r"^[\w.-]+(?:/[\w.-]+)*/?$")
OURS = (
    "revideo/",
    "nodes/",
    "js/",
    "docs/",
    "tests/",
    "benchmarks/",
    "experiments/",
    "training/",
    "example_workflows/",
    ".github/",
)


def spans(page: Path) -> Iterator[str]:
    """The `code` in running text."""
    text = re.sub(r"^\s*```.*?^\s*```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"`([^`\n]+)`", text)


def options() -> set[str]:
    """Every option of the command line and of the programs that measure."""
    found = {"--help", "--version"}
    parsers = [build_parser()]
    while parsers:
        for action in parsers.pop()._actions:
            found |= set(action.option_strings)
            if isinstance(action, argparse._SubParsersAction):
                parsers += action.choices.values()
    for folder in ("benchmarks", "experiments"):
        for file in (ROOT / folder).rglob("*.py"):
            found |= set(re.findall(r'"(--[a-z0-9-]+)"', file.read_text("utf-8")))
    return found


ELSEWHERE = ("--front-end-root", "--durations", "--use-pytorch-cross-attention")  # ComfyUI's and pytest's


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_a_page_names_is_there(page: Path):
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
    ours = options()
    for span in spans(page):
        if span.startswith(OURS) and FILE.match(span):
            assert (ROOT / span).exists(), f"{page.name} names {span}"
        for option in re.findall(r"(?<!\S)--[a-z][a-z0-9-]*(?![\w-])", span):
            assert option in ours or option in ELSEWHERE, f"{page.name} names {option}"
        for module in re.findall(r"-m ((?:revideo|benchmarks|experiments)[a-z_.]*)(?!\w)", span):
            assert importlib.util.find_spec(module), f"{page.name} names {module}"
        for dotted in re.findall(r"(?<![\w./-])revideo(?:\.[A-Za-z_]\w*)+(?!\w*\.?(?:safetensors|toml))", span):
            if not dotted.endswith((".safetensors", ".toml")):
                assert reachable(dotted), f"{page.name} names {dotted}"


def reachable(dotted: str) -> bool:
    """Whether a dotted name leads to a module, or to something in one."""
    first, *rest = dotted.split(".")
    found = importlib.import_module(first)
    for number, part in enumerate(rest):
        if hasattr(found, part):
            found = getattr(found, part)
            continue
        name = ".".join([first, *rest[: number + 1]])
        if not importlib.util.find_spec(name):
            return False
        found = importlib.import_module(name)
    return True
