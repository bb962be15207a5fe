"""The house stands as docs/architecture.md draws it, which these tests read: its floors, its words, the names it keeps.

An import is an arrow wherever it stands: at the top of a module, in a function, or for types alone. One that must
wait for its moment, or that only a type checker follows, still says what its module has to know.
"""

import ast
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")
OURS = ("revideo", "nodes", "benchmarks")
LONGEST = 350  # lines of a module
MOST = 15  # modules in a folder
COMFYUI = ("comfy", "comfy_api", "comfy_execution", "comfy_extras", "folder_paths", "nodes", "server", "execution")

# Public names that two modules define, because they are no names a reader could take for each other.
DEFINED_TWICE = {
    "main": "a program's door, which nothing imports",
    "COLUMNS": "of the table that a measuring program prints",
    "Conditions": "ComfyUI's socket for the library's class",
    "Crop": "the same",
    "Propagator": "the same",
    "Trajectories": "the same",
}


def table(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading of the page."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@cache
def modules(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def name_of(file: Path) -> tuple[str, ...]:
    """revideo/video/io.py → ("revideo", "video", "io"); a package's __init__ is the package."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


@cache
def all_names() -> set[tuple[str, ...]]:
    return {name_of(file) for file in modules(*OURS)}


def imported(file: Path) -> Iterator[tuple[str, ...]]:
    """Every module of ours that a file imports, and whatever else by its first name alone."""
    known, package = all_names(), file.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            found = [(*base, alias.name) for alias in node.names]
        else:
            continue
        for name in found:
            while len(name) > 1 and name not in known:
                name = name[:-1]  # what is imported from a module
            yield name


@cache
def arrows() -> dict[tuple[str, ...], set[tuple[str, ...]]]:
    return {name_of(file): set(imported(file)) - {name_of(file)} for file in modules(*OURS)}


def room(name: tuple[str, ...]) -> str:
    """The package, or the module beside the packages, that a module of revideo/ belongs to."""
    return name[1] if len(name) > 1 else "revideo"


def floors() -> list[str]:
    """The rooms of revideo/ from the lowest up, as the page lists them."""
    return [quoted(cells[0])[0].removesuffix("/").removesuffix(".py") for cells in table("The library")]


def test_the_page_names_every_room_of_the_library():
    rooms = {room(name_of(file)) for file in modules("revideo")}
    assert sorted(floors()) == sorted(rooms - {"revideo", "__main__"})


def test_no_import_leads_up():
    order = floors()
    upward = defaultdict(list)
    for module, targets in arrows().items():
        for target in targets:
            if module[0] != "revideo" or target[0] != "revideo" or len(module) == 1:
                continue  # the package's own door shows what is in any room
            if len(target) > 1 and "__main__" not in module and order.index(room(module)) < order.index(room(target)):
                upward[f"{room(module)} → {room(target)}"].append(".".join(module))
    assert not upward


def test_no_import_leads_in_a_circle():
    graph = {module: targets & all_names() for module, targets in arrows().items()}
    # `from .. import __version__` asks the package's door, whose own arrows are for types and on first use.
    graph[("revideo",)] = set()
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" → ".join(".".join(module) for module in error.args[1]))


def test_the_library_knows_nothing_of_who_uses_it():
    for module, targets in arrows().items():
        outside = {target[0] for target in targets}
        if module[0] == "revideo":
            assert not outside & {*COMFYUI, "benchmarks", "tests"}, module
        if module[0] == "nodes":
            assert not outside & {"benchmarks", "tests"}, module
        if module[0] == "benchmarks":
            assert not outside & {*COMFYUI, "tests"}, module


IMPORT = re.compile(r"""^(?:import|export)\b[^;]*?["'](\.[^"']+)["']""", re.MULTILINE)


def test_the_editors_modules_import_each_other_in_no_circle():
    graph = {}
    for file in (ROOT / "js").rglob("*.js"):
        graph[file] = {(file.parent / target).resolve() for target in IMPORT.findall(file.read_text("utf-8"))}
        assert all(target.exists() for target in graph[file] if target.is_relative_to(ROOT / "js")), file
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" → ".join(str(file.relative_to(ROOT)) for file in error.args[1]))


def test_no_folder_and_no_module_outgrows_a_reader():
    sources = [*modules(*OURS), *(ROOT / "js").rglob("*.js")]
    long = {str(file.relative_to(ROOT)): len(file.read_text("utf-8").splitlines()) for file in sources}
    assert {name: lines for name, lines in long.items() if lines > LONGEST} == {}
    folders = defaultdict(list)
    for file in [*modules(*OURS), *(ROOT / "js").rglob("*.js")]:
        if file.name != "__init__.py":
            folders[str(file.parent.relative_to(ROOT))].append(file.name)
    assert {folder: sorted(names) for folder, names in folders.items() if len(names) > MOST} == {}


def public_names(file: Path) -> Iterator[str]:
    """What a module defines: classes, functions, constants. Names for types alone count, imports do not."""
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))


def test_a_public_name_stands_for_one_thing():
    homes = defaultdict(list)
    for file in modules(*OURS):
        for name in {name for name in public_names(file) if not name.startswith("_")}:
            homes[name].append(str(file.relative_to(ROOT)))
    twice = {name: found for name, found in homes.items() if len(found) > 1}
    assert {name: found for name, found in twice.items() if name not in DEFINED_TWICE} == {}
    assert sorted(DEFINED_TWICE) == sorted(set(DEFINED_TWICE) & set(twice)), "no longer defined twice"


def words(name: str) -> str:
    """ "LongVideo", "long_video" → "_long_video_"."""
    return "_" + "_".join(part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)) + "_"


def identifiers(file: Path) -> set[str]:
    with file.open("rb") as text:
        return {token.string for token in tokenize.tokenize(text.readline) if token.type == tokenize.NAME}


def test_names_are_the_words_of_the_glossary():
    unsaid = [word.replace(" ", "_") for _, other in table("One word for one thing") for word in quoted(other)]
    keeps = [(set(quoted(names)), tuple(quoted(places))) for names, places, _ in table("Names kept")]
    wrong, used = defaultdict(set), set()
    for file in modules(*OURS):
        place = str(file.relative_to(ROOT))
        for name in identifiers(file):
            if not any(f"_{word}_" in words(name) for word in unsaid):
                continue
            kept = [
                number for number, (names, places) in enumerate(keeps) if name in names and place.startswith(places)
            ]
            used |= {(row, name) for row in kept}
            if not kept:
                wrong[name].add(place)
    assert {name: sorted(places) for name, places in sorted(wrong.items())} == {}
    needless = [name for row, (names, _) in enumerate(keeps) for name in sorted(names) if (row, name) not in used]
    assert not needless, "kept on the page, gone from the code"


def test_no_text_says_control_net_in_two_words():
    texts = [*modules(*OURS), *ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *(ROOT / "js").rglob("*.md")]
    texts += [*(ROOT / "js").rglob("*.js")]
    said = re.compile(r"control[ -]nets?\b", re.IGNORECASE)
    found = {str(file.relative_to(ROOT)): said.findall(file.read_text("utf-8")) for file in texts}
    assert {name: hits for name, hits in found.items() if hits} == {}
