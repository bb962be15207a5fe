"""A device that is not there: tensors say that they are on it, while their numbers lie in main memory.

FakeTensorMode has no numbers, so it stops wherever the pipeline asks for one (`sigma.max().item()`, whether a result
is finite, where an object was found), and a torch built for CUDA goes on to ask for a driver. Here all of the true code
runs on true numbers. Torch works on the CPU and knows of no other device; a storage bears the name of the device that
it claims, and two of torch's modes answer for that device. `Claims` speaks for it in Python: `.device`, `.to`,
factories, autocast. `Operations` sees every operation, the backward pass's too, and refuses what the device would
refuse: tensors of two devices, weights and activations of two types, float64 on mps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

CPU = torch.device("cpu")

# Operations whose kernels on a GPU take one floating type; those of norms on a CPU take two.
OF_ONE_TYPE = {
    *("conv1d", "conv2d", "conv3d", "convolution", "linear", "matmul", "mm", "bmm", "addmm", "baddbmm", "lerp"),
    *("scaled_dot_product_attention", "layer_norm", "native_layer_norm", "group_norm", "native_group_norm"),
}
# Operations that take a number in main memory, a tensor of no dimensions, beside a device's tensors.
WITH_NUMBERS = {
    *("add", "sub", "rsub", "mul", "div", "pow", "eq", "ne", "lt", "le", "gt", "ge", "where", "maximum", "minimum"),
    *("fill", "masked_fill", "index_put", "_fused_adamw"),
}
BETWEEN_DEVICES = {"copy", "_to_copy", "_foreach_copy", "_has_compatible_shallow_copy_type"}
INDEXING = {"index", "index_put"}  # the indices may lie in main memory
# What CUDA's autocast computes in float32 and a CPU's does not, as far as networks and losses call it.
IN_FLOAT32 = {
    *("layer_norm", "group_norm", "softmax", "log_softmax", "mse_loss", "l1_loss", "norm", "sum", "prod", "cumsum"),
    *("pow", "square", "exp", "log", "rsqrt", "reciprocal"),
}
_GROUPED = torch._C._group_tensors_by_device_and_dtype


@contextmanager
def simulated(device: str) -> Iterator[None]:
    """In this thread there is one "cuda", "mps" or "privateuseone" (DirectML); tensors keep what they claim later."""
    claims = Claims(device)
    with pytest.MonkeyPatch.context() as patch, claims, Operations():
        _announce(patch, device)
        # A mode rests while it answers, but in `backward` checkpointed blocks run again.
        patch.setattr(torch.autograd, "_engine_run_backward", claims(torch.autograd._engine_run_backward))
        patch.setattr(torch._C, "_group_tensors_by_device_and_dtype", _grouped)
        yield


def device_of(tensor: Tensor) -> torch.device:
    with torch._C.DisableTorchFunction():
        return torch.device("meta") if tensor.is_meta else getattr(tensor.untyped_storage(), "claimed", CPU)


def _claim(tensor: Tensor, device: torch.device) -> None:
    if device.type == "mps" and tensor.dtype in (torch.float64, torch.float8_e4m3fn):
        raise TypeError(f"Cannot convert a MPS Tensor to {tensor.dtype}: the MPS framework does not support it")
    tensor.untyped_storage().claimed = device


def _tensors(*values: Any) -> list[Tensor]:
    return [each for each in tree_leaves(values) if isinstance(each, Tensor)]


class Operations(TorchDispatchMode):
    """Every operation that torch runs: refused, or computed for the device that its tensors are on."""

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunction():
            given = _tensors(args, kwargs)
            device = _common_device(operation, given)
            result = operation(*args, **(kwargs or {}))
            for each in _tensors(result):
                if not hasattr(each.untyped_storage(), "claimed") or device_of(each) == device:
                    _claim(each, device)
        return result


def _common_device(operation: Any, given: list[Tensor]) -> torch.device:
    name = operation.overloadpacket.__name__.removesuffix("_")
    kinds = {each.dtype for each in given if each.is_floating_point()}
    if len(kinds) > 1 and name.removesuffix("_backward") in OF_ONE_TYPE:
        raise RuntimeError(f"{operation}: expected tensors of one type, but found {sorted(map(str, kinds))}")
    if not given:
        return CPU
    if name in BETWEEN_DEVICES:
        return device_of(given[0])
    counted = [each for each in given if each.ndim or device_of(each) != CPU or name not in WITH_NUMBERS]
    devices = {device_of(each) for each in counted or given}
    if name in INDEXING and device_of(given[0]) != CPU:
        devices -= {CPU}
    if len(devices) > 1:
        raise RuntimeError(f"{operation}: expected all tensors to be on one device, but found {devices}")
    return devices.pop()


class Claims(TorchFunctionMode):
    """What Python asks of tensors, and where it wants them."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device = torch.device(device, 0)

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if function in (Tensor.numpy, Tensor.__array__) and device_of(args[0]) != CPU:
            raise TypeError(f"can't convert {device_of(args[0])} device type tensor to numpy: use Tensor.cpu() first")
        if function in (Tensor.pin_memory, Tensor.record_stream):  # of copies that run beside the work
            return args[0]
        if torch.is_autocast_enabled("cpu") and function.__name__.strip("_") in IN_FLOAT32:
            args, kwargs = tree_map(_as_float32, (args, kwargs))
        target = CPU if function is Tensor.cpu else None
        if kwargs.get("device") is not None:
            target, kwargs["device"] = self._named(kwargs["device"])
        elif function is Tensor.to:
            for number, each in enumerate(args[1:], 1):
                if isinstance(each, Tensor):
                    target = device_of(each)
                elif isinstance(each, (str, torch.device)):
                    target, real = self._named(each)
                    args = (*args[:number], real, *args[number + 1 :])
        result = function(*args, **kwargs)
        if target is not None and device_of(result) != target:
            if any(result.untyped_storage() is each.untyped_storage() for each in _tensors(args)):
                result = result.clone()
            _claim(result, target)
        return result

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, asked within this mode."""

        def asked(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return asked

    def _named(self, device: Any) -> tuple[torch.device | None, torch.device]:
        """What is to be claimed, None where nothing is, and where torch is to work."""
        device = torch.device(device)
        if device.type == self.device.type:
            return self.device, CPU
        return (CPU if device == CPU else None), device


def _as_float32(value: Any) -> Any:
    half = isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16)
    return value.float() if half else value


def _announce(patch: pytest.MonkeyPatch, device: str) -> None:
    """The device is found by who looks for one. Its autocast is the CPU's, its streams are none."""
    patch.setattr(Tensor, "device", property(device_of))
    patch.setattr(Tensor, "is_cuda", property(lambda tensor: device_of(tensor).type == "cuda"))
    patch.setattr(Tensor, "is_mps", property(lambda tensor: device_of(tensor).type == "mps"))
    patch.setattr(torch.cuda, "is_available", lambda: device == "cuda")
    patch.setattr(torch.backends.mps, "is_available", lambda: device == "mps")
    patch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)
    patch.setattr(torch.cuda, "device_count", lambda: int(device == "cuda"))
    patch.setattr(torch.cuda, "current_device", lambda: 0)
    patch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    patch.setattr(torch.cuda, "set_device", lambda _: None)
    stream = SimpleNamespace(synchronize=lambda: None)
    patch.setattr(torch.cuda, "Stream", lambda: stream)
    patch.setattr(torch.cuda, "current_stream", lambda: stream)
    patch.setattr(torch.cuda, "stream", lambda _: nullcontext())
    for name in ("is_autocast_enabled", "set_autocast_enabled", "get_autocast_dtype", "set_autocast_dtype"):
        patch.setattr(torch, name, _of_cpu(getattr(torch, name), device))


def _grouped(lists: list[list[Tensor]], with_indices: bool = False) -> dict[Any, Any]:
    """As optimizers ask for, by the device that is claimed."""
    return {(device_of(lists[0][0]), kind): group for (_, kind), group in _GROUPED(lists, with_indices).items()}


def _of_cpu(function: Callable[..., Any], device: str) -> Callable[..., Any]:
    return lambda kind, *values: function("cpu" if kind == device else kind, *values)
