"""What is handed out: the wheel, the archive of the Comfy registry, and what their readers are told of the project."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
import tomlkit
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

import revideo

ROOT = Path(__file__).parent.parent
PROJECT = tomlkit.parse((ROOT / "pyproject.toml").read_text(encoding="utf-8")).unwrap()
OF_REVIDEO = ("pyproject.toml", "README.md", "LICENSE", "revideo")  # enough to build the wheel

# The registry's tool, as publish.yml runs it: without its telemetry, and with no settings of the person's.
COMFY = (sys.executable, "-m", "comfy_cli", "--skip-prompt", "--no-json", "node")
READ = "import dataclasses, json; from comfy_cli.registry import extract_node_configuration as read; "
READ += "print(json.dumps(dataclasses.asdict(read('pyproject.toml'))))"


def run(folder: Path, *command: str) -> str:
    """Run a command in `folder`, away from the network as far as it asks nicely; what it prints."""
    home = {"HOME": str(folder.parent), "XDG_CONFIG_HOME": str(folder.parent / "settings")}
    environment = os.environ | home | {"DO_NOT_TRACK": "1", "PIP_NO_INDEX": "1", "COLUMNS": "200"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def project_files() -> list[str]:
    """Every file that belongs to the project, as git tells."""
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    try:
        names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("git alone knows which files belong to the project")
    return [name for name in names if (ROOT / name).is_file()]


def copy(folder: Path, *wanted: str) -> Path:
    """A checkout of the project as it is now, or of what is wanted of it."""
    for name in project_files():
        if not wanted or name.split("/")[0] in wanted:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """All of the project in a folder that a test may write to."""
    return copy(tmp_path_factory.mktemp("registry") / "ComfyUI-ReVideo")


def requirements(lines) -> dict[str, Requirement]:
    """Parsed and by name."""
    parsed = map(Requirement, lines)
    return {canonicalize_name(requirement.name): requirement for requirement in parsed}


REQUIREMENTS = requirements(
    line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")
)


def test_requirements_are_the_same_in_both_files():
    assert requirements(PROJECT["project"]["dependencies"]) == REQUIREMENTS


def test_nothing_pins_and_nothing_asks_for_torch():
    extras = [line for lines in PROJECT["project"]["optional-dependencies"].values() for line in lines]
    for name, requirement in [*REQUIREMENTS.items(), *requirements(extras).items()]:
        assert not name.startswith("torch") or name == "torchmetrics", "ComfyUI's users bring their own build"
        assert {part.operator for part in requirement.specifier} <= {">="}, f"{requirement} shuts out newer ones"


def test_one_version_is_told_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert PROJECT["project"]["version"] == revideo.__version__ == citation["version"]


@pytest.mark.slow
def test_the_wheel_holds_the_library_and_nothing_else(tmp_path):
    source = copy(tmp_path / "source", *OF_REVIDEO, "__init__.py", "nodes")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path))
    run(source, sys.executable, "-m", "pip", "wheel", *options, ".")
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = wheel.namelist()
        metadata = wheel.read(next(name for name in names if name.endswith(".dist-info/METADATA"))).decode()
    about = f"revideo-{revideo.__version__}.dist-info/"
    inside = {name for name in names if not name.startswith(about)}
    assert inside == {name for name in project_files() if name.startswith("revideo/")}
    assert {"revideo/py.typed", "revideo/assets/tiny.safetensors", "revideo/benchmark/static/index.html"} <= inside
    needed = requirements(HeaderParser().parsestr(metadata).get_all("Requires-Dist"))
    always = {name: it for name, it in needed.items() if it.marker is None or it.marker.evaluate({"extra": ""})}
    assert always == REQUIREMENTS


def test_the_registry_s_validation_finds_nothing(checkout):
    said = run(checkout, *COMFY, "validate")
    assert "All validation checks passed" in said
    assert "warning" not in said.lower()


def test_the_registry_s_validation_does_find_what_it_forbids(tmp_path):
    source = copy(tmp_path / "pack", "pyproject.toml")
    (source / "node.py").write_text("exec(input())\n")
    assert "S102" in run(source, *COMFY, "validate")


def test_the_registry_reads_what_was_meant(checkout):
    told = json.loads(run(checkout, sys.executable, "-c", READ))
    project, pack = told["project"], told["tool_comfy"]
    assert (project["name"], project["version"]) == ("revideo", revideo.__version__)
    assert project["license"]["text"] == "Apache-2.0"
    assert requirements(project["dependencies"]) == REQUIREMENTS
    assert project["supported_comfyui_version"] == ">=0.30.0"
    # The manager takes the first for "any"; of accelerators it would call a machine without the named ones in conflict.
    assert "OS Independent" in project["supported_os"]
    assert project["supported_accelerators"] == []
    assert pack["publisher_id"] and pack["display_name"] and not pack["web"]


def test_publishing_tells_the_registry_which_frontend_the_editor_needs(tmp_path):
    source = copy(tmp_path / "pack", "pyproject.toml")
    steps = yaml.safe_load((ROOT / ".github/workflows/publish.yml").read_text())["jobs"]["publish"]["steps"]
    run(source, sys.executable, "-c", next(step["run"] for step in steps if "frontend" in step.get("name", "")))
    told = json.loads(run(source, sys.executable, "-c", READ))["project"]
    (frontend,) = PROJECT["project"]["optional-dependencies"]["comfyui"]
    assert told["supported_comfyui_frontend_version"] == str(Requirement(frontend).specifier)
    assert requirements(told["dependencies"]) == REQUIREMENTS


def test_a_release_of_another_version_is_not_published(tmp_path):
    source = copy(tmp_path / "pack", "pyproject.toml")
    steps = yaml.safe_load((ROOT / ".github/workflows/publish.yml").read_text())["jobs"]["publish"]["steps"]
    check = next(step["run"] for step in steps if "TAG" in step.get("env", {}))
    for tag, code in ((f"v{revideo.__version__}", 0), (revideo.__version__, 0), ("v99.0.0", 1)):
        done = subprocess.run([sys.executable, "-c", check], cwd=source, env=os.environ | {"TAG": tag})
        assert done.returncode == code


@pytest.mark.slow
def test_the_registry_s_archive_is_the_pack_without_its_tests(checkout):
    run(checkout, *COMFY, "pack")
    with zipfile.ZipFile(checkout / "node.zip") as archive:
        inside = {name for name in archive.namelist() if not name.endswith("/")}
        size = sum(entry.compress_size for entry in archive.infolist())
    files = set(project_files())
    needed = {"__init__.py", "pyproject.toml", "requirements.txt", "LICENSE", "README.md", "CHANGELOG.md"}
    needed |= {
        name
        for name in files
        if name.startswith(("revideo/", "nodes/", "js/", "example_workflows/", "locales/", "subgraphs/"))
    }
    assert needed <= inside <= files
    assert not [name for name in inside if name.startswith((".", "tests/", "benchmarks/"))]
    # The two models are 43 of it, the font 4: what is heavy and for no user belongs into .comfyignore.
    assert size < 50e6


@pytest.mark.parametrize("field, size", [("Icon", (400, 400)), ("Banner", (1680, 720))])
def test_the_registry_s_pictures_are_of_the_shape_it_asks_for(field, size):
    address = PROJECT["tool"]["comfy"][field]
    repository = PROJECT["project"]["urls"]["Repository"].removeprefix("https://github.com/")
    start = f"https://raw.githubusercontent.com/{repository}/main/"
    assert address.startswith(start)
    with Image.open(ROOT / address.removeprefix(start)) as picture:
        assert picture.size == size


@pytest.mark.parametrize(
    "schema, files",
    [
        ("vendor.github-workflows", ".github/workflows/*.yml"),
        ("custom.github-workflows-require-timeout", ".github/workflows/*.yml"),
        ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/[!c]*.yml"),
        ("vendor.github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
        ("vendor.citation-file-format", "CITATION.cff"),
    ],
)
def test_what_github_reads_is_as_it_wants_it(schema, files):
    names = [str(file) for file in sorted(ROOT.glob(files))]
    assert names
    run(ROOT, sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *names)


def test_sessions_that_are_named_are_there():
    listed = run(ROOT, sys.executable, "-m", "nox", "--list")  # all of them: --json gives those alone that run unasked
    there = set(re.findall(r"^[*-] (\w+)", listed, re.MULTILINE))
    places = [*ROOT.glob(".github/**/*.*"), ROOT / ".ci/run", *ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    for place in filter(Path.is_file, places):
        named = set(re.findall(r"\bnox -s (\w+)", place.read_text(encoding="utf-8")))
        assert named <= there, f"{place.name} names sessions that noxfile.py has not"


def test_one_ruff_checks_everywhere():
    def asked_for(name: str) -> set[str]:
        return set(re.findall(r"\bruff==([\d.]+)", (ROOT / name).read_text()))

    assert len(asked_for("tests/requirements.txt")) == 1
    assert asked_for(".pre-commit-config.yaml") == asked_for("tests/requirements.txt")
