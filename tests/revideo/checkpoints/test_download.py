"""The released weights, from a hub on this machine: fetched whole, taken up again, or refused in a sentence."""

import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hub_server import serve
from safetensors.torch import load_file

import revideo
from revideo.checkpoints.random_weights import SMALL, random_weights, write_random_checkpoint
from revideo.checkpoints.released import ADDRESS, download_target

MEGABYTE = 2**20


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> bytes:
    """A small model as the authors' file is: a pickle of fp32, which states no sizes."""
    path = tmp_path_factory.mktemp("released") / "model.ckpt"
    write_random_checkpoint(path, dtype=torch.float32)
    return path.read_bytes()


@pytest.fixture
def get(tmp_path):
    """`download` from a hub, of a model of that size."""

    def get(hub, **options):
        target = options.pop("target", tmp_path / "revideo.safetensors")
        return revideo.download(target, **{"accept_licence": True, "config": SMALL, "endpoint": hub.endpoint} | options)

    return get


def part_name(content: bytes) -> str:
    return f"revideo.{hashlib.sha256(content).hexdigest()[:12]}.part"


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def assert_released(path, dtype=torch.float16):
    """Every tensor of the released model, in that precision."""
    parts, _ = revideo.checkpoints.reading.load_parts(path)
    found = {f"{part}.{name}": t for part, module in parts.items() for name, t in module.state_dict().items()}
    expected = random_weights(SMALL, dtype=torch.float32)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name].to(dtype)) for name in expected)


@pytest.mark.slow
def test_it_is_fetched_once_and_stored_in_half_the_size(get, released, tmp_path):
    with serve(released) as hub:
        assert get(hub) == tmp_path / "revideo.safetensors"
        assert hub.asked == [("HEAD", "main", ""), ("GET", "main", "")]
        assert names(tmp_path) == ["revideo.safetensors"]
        assert_released(tmp_path / "revideo.safetensors")
        assert get(hub) == tmp_path / "revideo.safetensors"
        assert len(hub.asked) == 2, "what is there is not fetched again"


@pytest.mark.slow
def test_it_is_stored_and_left_as_asked(get, released, tmp_path):
    with serve(released) as hub:
        get(hub, dtype="float32", revision="v2", keep_ckpt=True)
    assert {revision for _, revision, _ in hub.asked} == {"v2"}
    assert (tmp_path / "revideo.ckpt").read_bytes() == released
    assert {t.dtype for t in load_file(tmp_path / "revideo.safetensors").values()} == {torch.float32}
    assert names(tmp_path) == ["revideo.ckpt", "revideo.safetensors"]


@pytest.mark.slow
@pytest.mark.parametrize("there", [0.3, 0.999])
def test_it_goes_on_where_an_earlier_one_stopped(get, released, tmp_path, there):
    begun = int(there * len(released))
    (tmp_path / part_name(released)).write_bytes(released[:begun])
    with serve(released) as hub:
        assert_released(get(hub))
        assert hub.fetched == [f"bytes={begun}-"]
    assert names(tmp_path) == ["revideo.safetensors"]


@pytest.mark.slow
def test_a_line_that_breaks_is_taken_up_in_the_same_run(get, released):
    """The hub's client does that, a second later. It writes blocks of ten megabytes."""
    padded = released + bytes(12 * MEGABYTE)  # behind a zip file, but fewer than would hide its end
    stop = 11 * MEGABYTE
    with serve(padded, stops=[stop]) as hub:
        with pytest.raises(revideo.CheckpointError, match="is cut off or no checkpoint"):
            get(hub)
        first, second = hub.fetched
        assert first == "" and second == f"bytes={10 * MEGABYTE}-"


@pytest.mark.slow
def test_an_interrupted_conversion_fetches_nothing_again(get, released, tmp_path):
    (tmp_path / part_name(released)).write_bytes(released)
    with serve(released) as hub:
        get(hub)
        assert hub.fetched == []
    assert names(tmp_path) == ["revideo.safetensors"]


@pytest.mark.slow
def test_another_file_is_not_taken_for_the_rest_of_the_first(get, released, tmp_path):
    other = released + b"\0"
    (tmp_path / part_name(released)).write_bytes(released[:1000])
    with serve(other) as hub:
        get(hub)
        assert hub.fetched == [""]


def test_a_damaged_download_is_removed(get, released, tmp_path):
    with serve(released, checksum="0" * 64) as hub, pytest.raises(OSError) as raised:
        get(hub)
    digest = hashlib.sha256(released).hexdigest()[:12]
    assert str(raised.value).startswith(
        f"what was fetched is damaged and was removed (its sha256 begins with {digest},"
    )
    assert str(raised.value).endswith("with 000000000000): run the same command again")
    assert names(tmp_path) == []


@pytest.mark.slow
def test_a_mirror_without_checksums_is_trusted_by_size(get, released, caplog):
    with serve(released, checksum="an-etag-of-its-own") as hub:
        get(hub)
    assert "has no checksum: only the size of the download was checked" in caplog.text


def test_without_room_nothing_is_fetched(get, released, tmp_path):
    with serve(released, size=10**18) as hub, pytest.raises(OSError) as raised:
        get(hub)
    assert hub.fetched == [] and names(tmp_path) == []
    assert str(raised.value).startswith(f"{tmp_path} has room for ")
    assert "and 1,500,000,000.0 GB are needed: 1,000,000,000.0 for the download, 500,000,000.0 for " in str(
        raised.value
    )


def test_without_the_licence_nothing_is_asked(get, released, tmp_path):
    with serve(released) as hub, pytest.raises(ValueError, match=r"are under Stability AI's .*: accept it first"):
        get(hub, accept_licence=False)
    assert hub.asked == [] and names(tmp_path) == []


REFUSALS = {
    (404, "EntryNotFound"): "there is no file for you at {address}: https://github.com/MC-E/ReVideo says where",
    (404, "RepoNotFound"): "there is no file for you at {address}: https://github.com/MC-E/ReVideo says where",
    (404, "RevisionNotFound"): "there is no such revision: {address}",
    (
        401,
        "GatedRepo",
    ): "the authors ask who fetches the file: ask for access on https://huggingface.co/Adapter/ReVideo",
    (
        403,
        "GatedRepo",
    ): "the authors ask who fetches the file: ask for access on https://huggingface.co/Adapter/ReVideo",
    (401, "Invalid token"): "the server refuses your token (of HF_TOKEN, or the one that `hf auth login` saved): renew",
    (403, "Blocked"): "the server answers 403 for {address}: try again later; in a browser the file is " + ADDRESS,
    (500, "Broken"): "the server answers 500 for {address}: try again later; in a browser the file is " + ADDRESS,
}


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: f"{refusal[0]} {refusal[1]}")
def test_a_refusal_is_one_sentence(get, tmp_path, refusal):
    with serve(b"", refusal=refusal) as hub, pytest.raises(OSError) as raised:
        get(hub)
    address = f"{hub.endpoint}/Adapter/ReVideo/resolve/main/model.ckpt"
    assert str(raised.value).startswith(REFUSALS[refusal].format(address=address))
    assert "\n" not in str(raised.value) and names(tmp_path) == []


def test_what_never_begins_leaves_nothing(get, released, tmp_path):
    with serve(released, refusal=(403, "Blocked"), refuses=("GET",)) as hub, pytest.raises(OSError) as raised:
        get(hub)
    assert "answers 403" in str(raised.value) and "is kept" not in str(raised.value) and ADDRESS in str(raised.value)
    assert names(tmp_path) == []


def test_a_server_that_is_no_hub_is_told_so(get, released, tmp_path):
    with serve(released, is_hub=False) as hub, pytest.raises(OSError, match="so it is not the hub"):
        get(hub)
    assert hub.fetched == [] and names(tmp_path) == []


def test_without_a_network_the_other_way_is_told(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError) as raised:
            revideo.download(tmp_path / "revideo.safetensors", accept_licence=True, endpoint=endpoint)
    said = str(raised.value)
    assert said.startswith(f"{endpoint}/Adapter/ReVideo/resolve/main/model.ckpt cannot be reached (")
    assert f"; in a browser the file is {ADDRESS}; put it into ComfyUI's models/checkpoints as it is, or run" in said
    assert f'`python -m revideo convert model.ckpt "{tmp_path / "revideo.safetensors"}" --dtype fp16`' in said
    assert names(tmp_path) == []


def test_what_is_no_model_is_not_converted(get, tmp_path):
    page = b"<html>Sign in</html>"
    with serve(page) as hub, pytest.raises(revideo.CheckpointError, match=r"\.part is a web page"):
        get(hub)
    assert names(tmp_path) == [part_name(page)]


def test_a_damaged_target_is_named_and_kept(get, released, tmp_path):
    (tmp_path / "revideo.safetensors").write_bytes(b"half a file")
    with serve(released) as hub, pytest.raises(ValueError, match="is there already, but it is no whole model: move it"):
        get(hub)
    assert hub.asked == [] and (tmp_path / "revideo.safetensors").read_bytes() == b"half a file"


@pytest.mark.parametrize("name", ["revideo.ckpt", "nowhere/revideo.safetensors", "revideo"])
def test_a_target_of_another_form_or_nowhere_is_refused(get, released, tmp_path, name):
    with serve(released) as hub, pytest.raises((ValueError, OSError), match=r"must end in|there is no folder"):
        get(hub, target=tmp_path / name)
    assert hub.asked == []


def test_a_folder_takes_the_name_that_workflows_know(tmp_path):
    assert download_target(tmp_path) == tmp_path / "revideo.safetensors"
    (tmp_path / "models" / "checkpoints").mkdir(parents=True)
    assert download_target(tmp_path) == tmp_path / "models" / "checkpoints" / "revideo.safetensors"
    assert download_target(tmp_path / "a.safetensors") == tmp_path / "a.safetensors"


WHERE = "from revideo.checkpoints.released import download_target; print(download_target())"


def test_installed_as_a_pack_it_goes_into_that_comfyui(tmp_path):
    """Whatever folder it is called from; without one, into that folder."""
    packs, models = tmp_path / "custom_nodes", tmp_path / "models" / "checkpoints"
    packs.mkdir()
    models.mkdir(parents=True)
    (packs / "ComfyUI-ReVideo").symlink_to(Path(revideo.__file__).parents[1], target_is_directory=True)
    for place, expected in ((packs / "ComfyUI-ReVideo", models), (Path(revideo.__file__).parents[1], Path())):
        done = subprocess.run(
            [sys.executable, "-c", WHERE],
            cwd=packs,
            env=os.environ | {"PYTHONPATH": str(place)},
            check=True,
            capture_output=True,
            text=True,
        )
        assert Path(done.stdout.rstrip("\n")) == expected / "revideo.safetensors"


def test_what_would_be_overwritten_or_cannot_be_stored_is_refused_before_anything_is_fetched(get, released, tmp_path):
    own = tmp_path / "revideo.ckpt"
    own.write_bytes(b"the user's own")
    with serve(released) as hub:
        with pytest.raises(ValueError, match=r"revideo\.ckpt is there already: move it away"):
            get(hub, keep_ckpt=True)
        with pytest.raises(ValueError, match='dtype "int8" is not one of float16, bfloat16, float32'):
            get(hub, dtype="int8")
        assert hub.asked == []
    assert own.read_bytes() == b"the user's own"
