"""How much a fuzz test tries: a few inputs, the same in every run; with REVIDEO_FUZZ so many new ones (`nox -s fuzz`).

Inputs that once failed are kept above a test as `@example`.
"""

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

MANY = os.environ.get("REVIDEO_FUZZ")


def fuzz(inputs: int) -> Callable[[Any], Any]:
    """A test of hypothesis over so many inputs, marked `fuzz`."""
    chosen = settings(
        max_examples=int(MANY or inputs),
        derandomize=MANY is None,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: pytest.mark.fuzz(chosen(test))


def damages() -> st.SearchStrategy:
    """What is done to a file, for `damaged`: how, where (0: its begin, 1: its end), and with which bytes."""
    places = st.floats(0, 1) | st.floats(0, 0.02) | st.floats(0.98, 1)
    odd = st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0"])
    step = st.tuples(
        st.sampled_from(["set", "insert", "remove", "cut"]), places, odd | st.binary(min_size=1, max_size=8)
    )
    return st.lists(step, min_size=1, max_size=8)


def damaged(content: bytes, damage: list[tuple[str, float, bytes]]) -> bytes:
    for how, where, value in damage:
        at = int(where * len(content))
        behind = {"set": at + len(value), "insert": at, "remove": at + len(value), "cut": len(content)}[how]
        content = content[:at] + (value if how in ("set", "insert") else b"") + content[behind:]
    return content
