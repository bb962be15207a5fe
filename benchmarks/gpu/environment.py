"""The environment of `nox -s gpu`: sees what the Python at hand has, its torch above all, and holds what that lacks.

python -m benchmarks.gpu.environment [--wheels FOLDER] [arguments of benchmarks.gpu]
python -m benchmarks.gpu.environment [--wheels FOLDER] --train FILE [arguments of benchmarks.gpu.training]

Needs nothing but Python's own library, so that it runs on a fresh checkout, with or without nox.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent.parent
ENVIRONMENT_FOLDER = CHECKOUT / ".nox/gpu"
LIBRARY = CHECKOUT / "requirements.txt"
SUITE = CHECKOUT / "tests/requirements.txt"  # of which the tests on a card need the following, and never torch
SUITE_PACKAGES = ("accelerate", "psutil", "pydantic", "pytest", "pytest-timeout", "pytest-xdist", "tomli")


class NoEnvironmentError(Exception):
    """Why there is none, in one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes the environment, or takes the one that was made; runs `benchmarks.gpu`, or with `--train` its training,
    in it and returns its exit code.
    """
    began = time.monotonic()
    wheels, rest = split_arguments(arguments)
    try:
        python = make_environment(ENVIRONMENT_FOLDER, wheels)
    except NoEnvironmentError as error:
        print(f"nox -s gpu: {error}", file=sys.stderr)
        return 2
    spent = ["--spent", f"{time.monotonic() - began:.1f}"] if asks_for_training(rest) else []
    program = "benchmarks.gpu.training" if asks_for_training(rest) else "benchmarks.gpu"
    return subprocess.run([python, "-m", program, *spent, *rest], cwd=CHECKOUT).returncode


def asks_for_training(arguments: Sequence[str]) -> bool:
    """Whether benchmarks.gpu.training is to read them."""
    return any(argument.partition("=")[0] == "--train" for argument in arguments)


def split_arguments(arguments: Sequence[str] | None) -> tuple[Path | None, list[str]]:
    """The folder of wheels, and what benchmarks.gpu is to read."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--wheels", type=Path)
    given, rest = parser.parse_known_args(arguments)
    return given.wheels, rest


def make_environment(
    folder: Path,
    wheels: Path | None = None,  # the only place to install from; None: pip's index
    library: Sequence[str] | None = None,  # requirements; None: those of requirements.txt
    suite: Sequence[str] | None = None,  # what only the tests need, without which all else runs
) -> Path:
    """The Python of an environment in `folder`; raises NoEnvironmentError without torch, or where pip failed."""
    if importlib.util.find_spec("torch") is None:
        raise NoEnvironmentError(
            f"there is no torch in {sys.prefix}, and none is installed: run nox by the Python that has your torch "
            f"(python -m pip install nox, then python -m nox -s gpu)"
        )
    if wheels is not None and not wheels.is_dir():
        raise NoEnvironmentError(f"there is no folder {wheels} of wheels")
    library = requirements(LIBRARY) if library is None else library
    suite = [each for each in requirements(SUITE) if name_of(each) in SUITE_PACKAGES] if suite is None else suite
    packages = sorted({Path(wheel).name for wheel in wheels.glob("*.whl")}) if wheels else []
    wanted, offered = (
        hashlib.sha256(repr(each).encode()).hexdigest()[:16]
        for each in ((sys.version, sys.prefix, *library, *suite), packages)
    )
    stamp = folder / f"installed-{wanted}-{offered}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    # Made offline it cannot be made again without the wheels: a call without them takes what is there.
    if stamp.exists() or (wheels is None and any(folder.glob(f"installed-{wanted}-*"))):
        return python
    venv.create(folder, with_pip=False, clear=True)
    lend_packages(folder)
    source = [] if wheels is None else ["--no-index", "--find-links", str(wheels.resolve())]
    if not installed(python, library, source):
        where = "the index" if wheels is None else str(wheels)
        raise NoEnvironmentError(f"pip did not install {', '.join(library)} from {where}: see above")
    if suite and not installed(python, suite, source):
        for package in suite:  # as many as there are; tests that lack one say so by themselves
            installed(python, [package], source)
    stamp.touch()
    return python


def lend_packages(folder: Path) -> None:
    """What this Python has is found in the environment too, behind what is installed there; pip counts it as there."""
    own = next(folder.glob("Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages"))
    lent = [path for path in map(os.path.abspath, sys.path) if Path(path).name in ("site-packages", "dist-packages")]
    # A line that begins with `import` is run; by addsitedir the folders' own .pth files count too.
    lines = [f"import site; site.addsitedir({path!r})" for path in lent]
    (own / "lent.pth").write_text("\n".join(lines) + "\n", "utf-8")


def installed(python: Path, packages: Sequence[str], source: Sequence[str]) -> bool:
    """Whether pip, which is lent too, could install what is missing of these."""
    options = ["--quiet", "--disable-pip-version-check", "--no-warn-script-location", *source]
    return subprocess.run([python, "-m", "pip", "install", *options, *packages]).returncode == 0


def requirements(file: Path) -> list[str]:
    """A file's lines without its comments."""
    lines = (line.partition("#")[0].strip() for line in file.read_text("utf-8").splitlines())
    return [line for line in lines if line]


def name_of(requirement: str) -> str:
    """ "pydantic>=2" → "pydantic"."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()


if __name__ == "__main__":
    sys.exit(main())
