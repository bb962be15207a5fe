"""How much a fuzz test tries: a few inputs, the same in every run; with REVIDEO_FUZZ so many new ones (`nox -s fuzz`).

Inputs that once failed are kept above a test as `@example`.
"""

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

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
