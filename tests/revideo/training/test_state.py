"""What a training keeps on disk: as it was written, or refused, and nothing changed by what is refused."""

import io
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from revideo.training.config_file import TrainingConfigError, parse_training_config
from revideo.training.state import Log, TrainingProgress, average_of, check_checksum, read_state, with_checksum
from tests.fuzzing import fuzz

STEPS = 8
SETTINGS = json.dumps({"optimizer": {"lr": 0.1}})
SHAPES = {"unet.a": (3, 2), "unet.b": (2,)}


@pytest.fixture(scope="module")
def phase(tiny_training_values):
    return parse_training_config(tiny_training_values({"stage": "motion", "steps": STEPS}, output="out")).phases[0]


def begin(folder: Path, phase, scaler: Any = None) -> TrainingProgress:
    """Of a phase that trains two weights, before its first step."""
    trained = {name: torch.nn.Parameter(torch.ones(shape)) for name, shape in SHAPES.items()}
    optimizer = torch.optim.AdamW(trained.values(), lr=0.1)
    return TrainingProgress(folder / "state.pt", phase, SETTINGS, trained, average_of(trained, 0.9), optimizer, scaler)


def go_on(progress: TrainingProgress, steps: int) -> None:
    for _ in range(steps):
        for weight in progress.trained.values():
            weight.grad = weight.detach().cos()
        progress.optimizer.step()
        progress.average.step(progress.trained.values())
        progress.step += 1


def numbers(progress: TrainingProgress) -> list[torch.Tensor]:
    """All that the next step depends on."""
    moments = progress.optimizer.state_dict()["state"].values()
    tensors = [*progress.trained.values(), *progress.average.shadow_params, *(t for m in moments for t in m.values())]
    return [tensor.detach().clone() for tensor in tensors] + [torch.tensor(progress.step)]


def alike(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other))


@pytest.fixture(scope="module")
def half(phase, tmp_path_factory) -> TrainingProgress:
    """Saved after three of eight steps."""
    progress = begin(tmp_path_factory.mktemp("half"), phase)
    go_on(progress, 3)
    progress.losses = [torch.tensor(0.5)]
    progress.save()
    return progress


@pytest.fixture(scope="module")
def state(half) -> dict[str, Any]:
    """What that file holds."""
    return torch.load(half.path, weights_only=True)


def test_a_restored_training_goes_on_as_the_one_that_was_saved(half, phase, tmp_path):
    shutil.copy(half.path, tmp_path)
    restored = begin(tmp_path, phase)
    restored.restore()
    assert alike(numbers(restored), numbers(half)) and restored.losses == half.losses
    whole = begin(tmp_path, phase)
    go_on(whole, 5)
    go_on(restored, 2)
    assert alike(numbers(restored), numbers(whole))


def as_file(content: object, **how: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, **how)
    return file.getvalue()


def as_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        written.writestr("state/data.pkl", "no pickle")
    return file.getvalue()


class Code:
    """What does something when it is read by a reader that trusts."""

    def __reduce__(self):
        return Path.touch, (Path("ran"),)


def part(content: bytes, end: str) -> bytes:
    file = zipfile.ZipFile(io.BytesIO(content))
    return file.read(next(name for name in file.namelist() if name.endswith(end)))


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda content: b"",
    "text": lambda content: b"nothing",
    "cut to a half": lambda content: content[: len(content) // 2],
    "cut by a byte": lambda content: content[:-1],
    "without its beginning": lambda content: content[100:],
    "zeros, as after a power failure": lambda content: bytes(len(content)),
    "zeros at the end": lambda content: content[:-2000] + bytes(2000),
    "a bit of a weight": lambda content: flipped(content, content.index(part(content, "/data/0")) + 6),
    "a bit of Adam's": lambda content: flipped(content, content.index(part(content, "/data/5")) + 6),
    "a bit of the pickle": lambda content: flipped(content, content.index(b"exp_avg_sq")),
    "a pickle": lambda content: pickle.dumps({"phase": "1-motion"}),
    "a pickle of code": lambda content: pickle.dumps(Code()),
    "code": lambda content: as_file({"phase": Code()}),
    "a zip file": lambda content: as_zip(),
    "a file of before 2020": lambda content: as_file({"phase": "x"}, _use_new_zipfile_serialization=False),
    "a tensor": lambda content: as_file(torch.ones(3)),
    "a list": lambda content: as_file([1, 2]),
    "a model": lambda content: as_file({"state_dict": {"unet.a": torch.ones(3, 2)}}),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_a_damaged_checkpoint_is_refused_and_nothing_changes(half, phase, tmp_path, monkeypatch, damage):
    monkeypatch.chdir(tmp_path)
    progress = begin(tmp_path, phase)
    progress.path.write_bytes(damage(half.path.read_bytes()))
    before = numbers(progress)
    with pytest.raises(
        OSError, match=r"state\.pt is no checkpoint of a training, or damaged .*put a copy back, or del"
    ):
        progress.restore()
    assert alike(numbers(progress), before) and progress.path.exists()
    assert not (tmp_path / "ran").exists()


def test_a_folder_in_the_checkpoints_place_is_named(phase, tmp_path):
    (tmp_path / "state.pt").mkdir()
    with pytest.raises(OSError, match=r"state\.pt is no checkpoint"):
        begin(tmp_path, phase).restore()


NAN, WHOLE = float("nan"), torch.ones(3, 2)
WRONG: dict[str, tuple[tuple[Any, ...], Any, str]] = {  # where, what stands there, what is said
    "a weight to be broadcast": (("weights", "unet.a"), torch.ones(2), r"weight unet\.a is not float32 \[3, 2\]"),
    "a single number for a weight": (("weights", "unet.a"), torch.tensor(1.0), r"weight unet\.a is not float32"),
    "a transposed weight": (("weights", "unet.a"), WHOLE.T, r"weight unet\.a is not float32 \[3, 2\]"),
    "a weight in half precision": (("weights", "unet.a"), WHOLE.half(), r"weight unet\.a is not float32"),
    "a weight of integers": (("weights", "unet.b"), torch.ones(2, dtype=torch.int8), r"weight unet\.b is not float32"),
    "a sparse weight": (("weights", "unet.a"), WHOLE.to_sparse(), r"weight unet\.a is not float32"),
    "a weight that is no number": (("weights", "unet.b"), torch.tensor([1, NAN]), r"weight unet\.b is not finite"),
    "an endless average": (("averages", "unet.b"), torch.tensor([1, 1 / NAN]), r"average unet\.b is not finite"),
    "another model's weights": (("weights",), {"unet.c": WHOLE}, r"weight unet\.a is missing"),
    "a weight too many": (("weights", "unet.c"), WHOLE, r"weight unet\.c is unknown"),
    "no averages": (("averages",), {}, r"average unet\.a is missing"),
    "a number for a weight": (("weights", "unet.a"), 1.0, r"weights\.`unet\.a` Input should be an instance of Tensor"),
    "a number for all weights": (("weights",), 1.0, "weights Input should be a valid dict"),
    "moments of another weight": (("optimizer", "state", 0, "exp_avg"), torch.ones(2), r"weight 0: exp_avg is not"),
    "moments that are no numbers": (("optimizer", "state", 1, "exp_avg_sq"), torch.tensor([1, NAN]), "is not finite"),
    "a moment of the wrong kind": (("optimizer", "state", 1, "exp_avg"), "x", "exp_avg is not float32"),
    "no moments": (("optimizer", "state", 1), {}, "optimizer's weight 1: exp_avg is missing"),
    "moments of no weight": (("optimizer", "state", 2), {"step": torch.ones(())}, "there is no weight 2 to optimize"),
    "no optimizer": (("optimizer",), {}, r"optimizer\.state Field required"),
    "an optimizer of numbers": (("optimizer", "state"), [1], r"optimizer\.state Input should be a valid dict"),
    "a step behind the last": (("step",), STEPS + 1, "step 9 of 8"),
    "a step before the first": (("step",), -1, "step Input should be greater than or equal to 0"),
    "a tensor for the step": (("step",), torch.tensor(3), "step Input should be a valid integer"),
    "half a step": (("step",), 2.5, "step Input should be a valid integer"),
    "a text of losses": (("losses",), "0.5", "losses Input should be a valid list"),
    "a loss that is no number": (("losses",), [NAN], "Input should be a finite number"),
    "settings that are no JSON": (("settings",), "{", "settings Value error, Expecting"),
    "settings that are no table": (("settings",), "[1]", "settings Value error, settings must be a table"),
    "deep settings": (("settings",), "[" * 9999, "recursion"),
    "a phase elsewhere": (("phase",), "../1-motion", "phase Value error"),
    "a number for the phase": (("phase",), 1, "phase Input should be a valid string"),
    "a text for the scaler": (("scaler",), "x", "scaler Input should be a valid dict"),
}  # fmt: skip


def changed(state: dict[str, Any], way: tuple[Any, ...], value: object) -> dict[str, Any]:
    state = deepcopy(state)
    table = state
    for name in way[:-1]:
        table = table[name]
    table[way[-1]] = value
    return state


@pytest.mark.parametrize("way, value, message", WRONG.values(), ids=WRONG)
def test_a_checkpoint_that_does_not_fit_is_refused_and_nothing_changes(state, phase, tmp_path, way, value, message):
    progress = begin(tmp_path, phase)
    torch.save(changed(state, way, value), progress.path)
    before = numbers(progress)
    with pytest.raises(OSError, match=rf"state\.pt is no checkpoint .*{message}.*put a copy back, or delete it"):
        progress.restore()
    assert alike(numbers(progress), before)


@pytest.mark.parametrize("key", ["phase", "settings", "step", "losses", "weights", "averages", "optimizer", "scaler"])
def test_a_checkpoint_that_lacks_something_is_refused(state, phase, tmp_path, key):
    torch.save({name: value for name, value in state.items() if name != key}, tmp_path / "state.pt")
    with pytest.raises(OSError, match=f"is no checkpoint .*{key} Field required"):
        begin(tmp_path, phase).restore()


def test_a_scalers_numbers_are_restored_or_refused(state, phase, tmp_path):
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    scaler.scale(torch.ones(()))
    torch.save(state | {"scaler": scaler.state_dict() | {"scale": 4.0}}, tmp_path / "state.pt")
    begin(tmp_path, phase, scaler).restore()
    assert scaler.get_scale() == 4.0
    torch.save(state | {"scaler": {"scale": 2.0}}, tmp_path / "state.pt")
    with pytest.raises(OSError, match="the gradients' scaler has scale"):
        begin(tmp_path, phase, scaler).restore()
    assert scaler.get_scale() == 4.0


def test_the_optimizers_settings_are_the_training_files(state, phase, tmp_path):
    """They cannot be other ones, because the settings are compared; what the checkpoint repeats is not believed."""
    group = state["optimizer"]["param_groups"][0] | {"betas": (5.0, -1.0), "weight_decay": 1e9}
    torch.save(changed(state, ("optimizer", "param_groups"), [group]), tmp_path / "state.pt")
    progress = begin(tmp_path, phase)
    progress.restore()
    assert progress.optimizer.param_groups[0]["betas"] == (0.9, 0.999)
    assert progress.optimizer.param_groups[0]["weight_decay"] == 0.01


def test_the_checkpoint_of_a_phase_that_is_not_done_is_never_overwritten(state, phase, tmp_path):
    """As where a phase got another name, or the model of the one before was deleted. Of one that is done it is old."""
    torch.save(state | {"phase": "1-joint"}, tmp_path / "state.pt")
    progress = begin(tmp_path, phase)
    with pytest.raises(
        TrainingConfigError, match=r"state\.pt is of phase 1-joint, which has no model yet, and phase 1-m"
    ):
        progress.restore()
    (tmp_path / "1-joint.safetensors").touch()
    progress.restore()
    assert progress.step == 0


def test_weights_that_are_no_numbers_are_not_saved(half, phase, tmp_path):
    progress = begin(tmp_path, phase)
    progress.save()
    before = progress.path.read_bytes()
    progress.trained["unet.b"].data[1] = NAN
    with pytest.raises(FloatingPointError, match=r"a weight is no longer finite near step 0: lower optimizer\.lr"):
        progress.save()
    assert progress.path.read_bytes() == before


@fuzz(150)
@given(st.data())
def test_any_change_of_a_checkpoint_is_refused_or_changes_nothing(half, phase, tmp_path_factory, data):
    content = half.path.read_bytes()
    for _ in range(data.draw(st.integers(1, 2))):
        # Its ends hold what is no tensor; most of the rest is padding.
        place = data.draw(st.integers(0, len(content)) | st.integers(0, 2500) | st.integers(1, 2500).map(lambda n: -n))
        place %= max(len(content), 1)
        piece = data.draw(st.binary(max_size=8) | st.sampled_from([b"PK\1\2", b"PK\3\4", b"PK\5\6", bytes(300)]))
        content = content[:place] + piece + content[place + data.draw(st.sampled_from([len(piece), 0, 1, 2000])) :]
    progress = begin(tmp_path_factory.getbasetemp(), phase)
    progress.path.write_bytes(content)
    with suppress(OSError):
        progress.restore()
        assert alike(numbers(progress), numbers(half))


TENSORS = [
    WHOLE,
    WHOLE.half(),
    torch.tensor(NAN),
    torch.zeros(0),
    torch.ones(2, dtype=torch.complex64),
    WHOLE.to_sparse(),
]
LEAVES = st.sampled_from([*TENSORS, 1e400, NAN, 2**80, None, True, "", "1-motion", "{}", b"x", -1, 3, torch.float32])
CONTENTS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["state", "unet.a", "unet.b", "step", "exp_avg", "exp_avg_sq", 0, 1, 2]), inner
        )
    ),
    max_leaves=4,
)


@fuzz(100)
@given(st.data())
def test_any_contents_of_a_checkpoint_fit_or_are_refused(state, phase, tmp_path_factory, data):
    contents: dict[Any, Any] = deepcopy(state)
    for _ in range(data.draw(st.integers(1, 2))):
        table = contents
        while (name := data.draw(st.sampled_from([*table, "x"]))) in table:
            if not isinstance(table[name], dict) or not data.draw(st.booleans()):
                break
            table = table[name]
        table[name] = data.draw(CONTENTS)
    progress = begin(tmp_path_factory.getbasetemp(), phase)
    torch.save(contents, progress.path)
    before = numbers(progress)
    try:
        progress.restore()
    except (OSError, TrainingConfigError):
        assert alike(numbers(progress), before)
    go_on(progress, 1)
    assert all(bool(tensor.isfinite().all()) for tensor in numbers(progress))


def test_without_a_checkpoint_a_phase_begins(phase, tmp_path):
    assert read_state(tmp_path / "state.pt") is None
    begin(tmp_path, phase).restore()


# --- The log -------------------------------------------------------------------------------

GOOD = [json.dumps({"phase": name, "step": step}).encode() for name in ("0-joint", "1-motion") for step in (1, 2, 3)]
BROKEN_LINES = [
    b'{"phase": "1-motion", "st', b"[1]", b"3", b"null", b'"text"', b"{}", b'{"phase": "1-motion"}', b'{"step": 1}',
    b'{"phase": 1, "step": 1}', b'{"phase": "1-motion", "step": "x"}', b'{"phase": "1-motion", "step": null}',
    b'{"phase": "1-motion", "step": 1e400}', b'{"phase": "\xe4", "step": 1}', b"\0\0\0\0", b"[" * 9999, b"{" * 9999,
    b'{"a":' * 5000, b'{"phase": "x", "step": 1' + b"0" * 5000 + b"}", "é".encode("utf-16"), b"",
]  # fmt: skip


@pytest.mark.parametrize("line", BROKEN_LINES)
def test_a_broken_line_of_the_log_is_dropped_and_the_others_stay(phase, tmp_path, line):
    (tmp_path / "log.jsonl").write_bytes(b"\n".join([*GOOD[:4], line, *GOOD[4:]]) + b"\n")
    Log(tmp_path, phase, 2)
    assert (tmp_path / "log.jsonl").read_bytes().splitlines() == GOOD[:5]  # step 3 was made behind the checkpoint


@fuzz(150)
@given(st.lists(st.sampled_from([*GOOD, *BROKEN_LINES]) | st.binary(max_size=20), max_size=6), st.integers(0, 4))
def test_any_log_is_read(phase, tmp_path_factory, lines, step):
    file = tmp_path_factory.getbasetemp() / "log.jsonl"
    file.write_bytes(b"\n".join(lines))
    Log(file.parent, phase, step)
    kept = file.read_bytes().splitlines()
    wanted = [line for line in lines if line in GOOD and (b"joint" in line or json.loads(line)["step"] <= step)]
    assert [line for line in kept if line in GOOD] == wanted
    assert all(isinstance(json.loads(line), dict) for line in kept)


# --- Checksums -----------------------------------------------------------------------------


def test_a_file_that_has_changed_since_it_was_written_is_refused(tmp_path):
    file = tmp_path / "model.safetensors"
    with with_checksum(file):
        file.write_bytes(b"weights" * 300_000)
    check_checksum(file)
    assert (tmp_path / f"{file.name}.sha256").read_text() == f"{sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
    file.write_bytes(flipped(file.read_bytes(), 1_500_000))
    with pytest.raises(
        OSError, match=r"model\.safetensors is damaged, or another file than .*delete model\.safetensors\.sha"
    ):
        check_checksum(file)
    (tmp_path / "model.safetensors.sha256").unlink()
    check_checksum(file)


@pytest.mark.parametrize("text", [b"", b"\0" * 90, b"0" * 64 + b"  model", b"model", b"\xff" * 64])
def test_a_checksum_that_is_none_is_no_reason_to_trust(tmp_path, text):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"weights")
    (tmp_path / "model.safetensors.sha256").write_bytes(text)
    with pytest.raises(OSError, match="is damaged, or another file"):
        check_checksum(file)


def test_what_could_not_be_written_has_no_checksum(tmp_path):
    file = tmp_path / "model.safetensors"
    with with_checksum(file):
        file.write_bytes(b"old")
    with pytest.raises(RuntimeError), with_checksum(file):
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
