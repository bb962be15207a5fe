"""`revideo download` as a person and a script meet it: asked, stopped, short of room, offline."""

import os
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
import torch
from hub_server import serve
from safetensors.torch import load_file, save_file

from revideo.checkpoints.random_weights import write_random_checkpoint
from revideo.checkpoints.reading import CONFIG_KEY
from revideo.checkpoints.released import ADDRESS, LICENCE_ADDRESS
from revideo.cli.main import main

BLOCK_BYTES = 10 * 2**20  # the hub's client writes as many at once
SENT_BYTES = 15 * 2**20  # of a download that is stopped
WHOLE = "a whole model is there already, so nothing was fetched"
posix = pytest.mark.skipif(sys.platform == "win32", reason="has neither these signals nor these limits")


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> bytes:
    """A small model that states its sizes, which the command cannot be told, and averages that make it large."""
    path = tmp_path_factory.mktemp("released") / "model.safetensors"
    write_random_checkpoint(path, dtype=torch.float16)
    averages = {"model_ema.average": torch.rand(6 * 2**20, generator=torch.Generator().manual_seed(0))}
    save_file(load_file(path) | averages, path, {CONFIG_KEY: read_metadata(path)[CONFIG_KEY]})
    return path.read_bytes()


def read_metadata(path: Path) -> dict[str, str]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return file.metadata()


def command(hub, *words: object) -> tuple[list[str], dict[str, str]]:
    """The words of a process, and its environment."""
    environment = os.environ | {"HF_ENDPOINT": hub.endpoint if hub else "", "PYTHONUNBUFFERED": "1"}
    return [sys.executable, "-m", "revideo", "download", *map(str, words)], environment


def run(hub, *words: object, **options) -> subprocess.CompletedProcess[str]:
    line, environment = command(hub, *words)
    environment |= options.pop("environment", {})
    return subprocess.run(line, env=environment, capture_output=True, text=True, **options)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """In one line, the last."""
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert "revideo: error: " in last and "Traceback" not in done.stderr
    assert all(word in last for word in words), last


def test_its_help_waits_for_nothing():
    code = "import sys\nfrom revideo.cli.main import main\ntry: main(['download', '--help'])\nexcept SystemExit: pass\n"
    code += "print([name for name in ('torch', 'huggingface_hub', 'tqdm') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert LICENCE_ADDRESS in done.stdout and done.stdout.splitlines()[-1] == "[]"


def test_a_script_must_say_that_it_accepts(released, tmp_path, monkeypatch, capsys):
    with serve(released) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        with Path(os.devnull).open() as nothing:
            monkeypatch.setattr(sys, "stdin", nothing)
            assert main(["download", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert LICENCE_ADDRESS in said and "research and personal use, nothing commercial" in said
    assert said.splitlines()[-1].endswith("must be accepted first: read it, and add --accept-licence")
    assert hub.asked == [] and names(tmp_path) == []


@posix
@pytest.mark.slow
@pytest.mark.parametrize("answer", ["n", "", "yes"])
def test_a_person_is_asked(released, tmp_path, answer):
    import pty

    terminal, stdin = pty.openpty()
    os.write(terminal, f"{answer}\n".encode())
    try:
        with serve(released) as hub:
            done = run(hub, tmp_path, stdin=stdin)
    finally:
        os.close(terminal)
        os.close(stdin)
    assert f"{LICENCE_ADDRESS},\nwhich allows research" in done.stderr and "Do you accept it? [y/N]" in done.stderr
    if answer == "yes":
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"{tmp_path / 'revideo.safetensors'}: ")
        assert names(tmp_path) == ["revideo.safetensors"]
    else:
        assert_refused(done, "the licence was not accepted, so nothing was fetched")
        assert hub.asked == []


@posix
@pytest.mark.slow
def test_stopped_with_ctrl_c_it_goes_on_where_it_was(released, tmp_path):
    with serve(released, stops=[SENT_BYTES], hold=threading.Event()) as hub:
        line, environment = command(hub, tmp_path, "--accept-license", "--keep-ckpt")
        options = {"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        # What runs in the background of a shell ignores Ctrl+C, and so would all that it starts.
        heeds = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        with subprocess.Popen(line, env=environment, preexec_fn=heeds, **options) as first:
            while not any(file.stat().st_size >= BLOCK_BYTES for file in tmp_path.glob("*.part")):
                with pytest.raises(subprocess.TimeoutExpired):
                    first.wait(0.05)
            first.send_signal(signal.SIGINT)
            _, said = first.communicate()
        assert first.returncode == 130 and said.rstrip().endswith("revideo: interrupted")
        hub.hold.set()
        [part] = tmp_path.iterdir()
        assert part.read_bytes() == released[: part.stat().st_size]

        begun = part.stat().st_size
        done = run(hub, tmp_path, "--accept-license", "--keep-ckpt")
        assert done.returncode == 0, done.stderr
        assert hub.fetched == ["", f"bytes={begun}-"]
    assert (tmp_path / "revideo.ckpt").read_bytes() == released
    assert names(tmp_path) == ["revideo.ckpt", "revideo.safetensors"]
    assert load_file(tmp_path / "revideo.safetensors").keys() == load_file(tmp_path / "revideo.ckpt").keys() - {
        "model_ema.average"
    }

    again = run(hub, tmp_path)  # whose hub is gone
    assert (again.returncode, again.stdout) == (0, f"{tmp_path / 'revideo.safetensors'}: {WHOLE}\n")


@posix
@pytest.mark.slow
def test_a_disk_that_takes_no_more_is_named_and_what_is_there_is_kept(released, tmp_path):
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (BLOCK_BYTES, BLOCK_BYTES))

    with serve(released) as hub:
        done = run(hub, tmp_path, "--accept-licence", preexec_fn=limit)
        [part] = tmp_path.iterdir()
        assert_refused(
            done, f"{part} cannot be written (File too large): make room", f"is kept in {part}: run the same"
        )
        assert part.read_bytes() == released[:BLOCK_BYTES]


@pytest.mark.slow
def test_offline_the_other_way_is_told(tmp_path):
    done = run(None, tmp_path, "--accept-licence", environment={"HF_HUB_OFFLINE": "1"})
    assert_refused(
        done, "HF_HUB_OFFLINE is set, so nothing is fetched: unset it", ADDRESS, "revideo convert model.ckpt"
    )
    assert names(tmp_path) == []
