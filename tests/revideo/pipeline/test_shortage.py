"""What a device's memory is, and what tells that it, or main memory, has ended: as torch and its devices say it."""

import pytest
import torch

from revideo.pipeline.devices import available_memory, free_cached_memory, is_device_shortage, is_memory_shortage

OF_DEVICES = [
    torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8 GiB"),
    torch.cuda.OutOfMemoryError("XPU out of memory. Tried to allocate 64.00 GiB."),
    torch.cuda.OutOfMemoryError("Allocation on device 0 would exceed allowed memory."),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other call"),
    RuntimeError("HIP error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("MPS backend out of memory (MPS allocated: 5.56 GB, max allowed: 6.80 GB)"),
    RuntimeError("Invalid buffer size: 19.45 GB"),
    RuntimeError("Could not allocate tensor with 150994944 bytes. There is not enough GPU video memory available!"),
    RuntimeError("UR backend failed. UR backend returns:40 (UR_RESULT_ERROR_OUT_OF_RESOURCES)"),
    RuntimeError("level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)"),
    RuntimeError("Native API failed. Native API returns: -5 (PI_ERROR_OUT_OF_RESOURCES)"),
]
OTHERS = [
    RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
    RuntimeError("CUDA error: device-side assert triggered"),
    RuntimeError("level_zero backend failed with error: 20 (UR_RESULT_ERROR_DEVICE_LOST)"),
    RuntimeError("Placeholder storage has not been allocated on MPS device!"),
    ValueError("out of memory"),  # a file may be called that
    OSError(12, "Cannot allocate memory"),
]


@pytest.mark.parametrize("error", OF_DEVICES, ids=lambda error: str(error)[:30])
def test_a_device_without_memory_is_known_by_what_it_says(error):
    assert is_device_shortage(error) and is_memory_shortage(error)


@pytest.mark.parametrize("error", OTHERS, ids=lambda error: str(error)[:30])
def test_other_errors_are_no_shortage(error):
    assert not is_device_shortage(error) and not is_memory_shortage(error)


def test_a_shortage_of_main_memory_is_none_of_the_device():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(10**15)
    for error in (raised.value, MemoryError()):
        assert is_memory_shortage(error) and not is_device_shortage(error)


@pytest.mark.parametrize(
    "name, free, expected",
    [("cuda", 6, 8), ("xpu", 6, 8), ("xpu", 9, 10), ("xpu", RuntimeError, None), ("mps", 0, 7)],
    ids=["cuda", "xpu", "xpu that counts nothing as taken", "xpu that does not know", "mps"],
)
def test_memory_that_a_process_can_get_is_what_is_free_and_what_it_holds(monkeypatch, name, free, expected):
    def mem_get_info(device):
        if free is RuntimeError:
            raise RuntimeError("The device (Intel(R) Arc(TM) Graphics) doesn't support querying the available memory")
        return free, 10

    if name == "mps":
        monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 7)
    else:
        monkeypatch.setattr(getattr(torch, name), "mem_get_info", mem_get_info)
        monkeypatch.setattr(getattr(torch, name), "memory_reserved", lambda device: 2)
    assert available_memory(torch.device(name, 0)) == expected


@pytest.mark.parametrize("name", ["cpu", "meta", "privateuseone"])
def test_where_nobody_counts_memory_there_is_no_plan(name):
    assert available_memory(torch.device(name)) is None


@pytest.mark.parametrize("name", ["cpu", "meta", "cuda", "xpu", "privateuseone"])
def test_freeing_what_there_is_not_does_nothing(name):
    free_cached_memory(torch.device(name))
