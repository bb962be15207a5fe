"""Half an hour of mixed work on a real ComfyUI: what the server holds stays flat, and every promise holds.

`nox -s soak`. What is done is drawn by a seed: edits by each route, interrupts, cleared queues, prompts that must be
refused, ids of nodes that are paths. In the first quarter the server is killed too, in the midst of a long run, which
is then queued again and must end as the one that nobody killed.

The rest is one life of the server, of which a row of the table tells each part, measured with models unloaded and
caches emptied. The first part begins with one of everything and is for warming up. The parts after it are compared:
the most that the second half of them held may exceed the most of the first half by `ROOM`.

Files are all that lie below the server's folders once what a run shows has been looked at and removed.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from PIL import Image

sys.path.extend(str(Path(__file__).parent / folder) for folder in ("", "comfyui"))  # as for the tests

from comfyui_server import FREED_IS_RETURNED, NOTHING, ROOT, ComfyUI, Graph, Refused, Run, Watch, node
from soak_prompts import CLIP, NODE_IDS, NUMBERS, ROUTES, long_images, long_video, mistakes, own

from revideo import read_video, write_video
from revideo.synthetic.examples import example_files

CLIP_FRAMES = 34  # three windows
SEEDS = range(3)
STEPS = 2
ENDLESS = 100  # steps of what is interrupted; ComfyUI tells progress by half a percent at least

ROWS, ROWS_WITH_KILLS = 12, 3
ROOM = {"RSS MB": 24, "handles": 4, "threads": 2, "files": 0}
DONE = ("edits", "interrupts", "clears", "refusals", "odd ids", "kills")

SENTENCES = ("ValueError", "OSError", "FileNotFoundError")  # of these an error may be; any other is a fault
UNFINISHED = re.compile(r"\..+-\w{8}\.")  # a file that is written before it gets its name
TRACEBACK = re.compile(r"Traceback \(most recent call last\):\n(?:(?:[ \t].*)?\n)*(.*)")


def at(node_id: str, number: int, act: Callable[[], None]) -> Watch:
    """Acts at a node's progress of this number, counted from 1."""

    def watch(kind: str, data: dict[str, Any], run: Run) -> None:
        if kind == "progress" and data["node"] == node_id and len(run.steps(node_id)) == number:
            act()

    return watch


# Of the server's own, so that what malloc keeps of freed memory is not taken for what is held.
GIVE_BACK = """
import ctypes, gc

class GiveBack:
    RETURN_TYPES, FUNCTION, OUTPUT_NODE, CATEGORY = (), "give_back", True, "tests"

    @classmethod
    def INPUT_TYPES(cls):
        return {}

    @classmethod
    def IS_CHANGED(cls):
        return float("nan")

    def give_back(self):
        gc.collect()
        getattr(ctypes.pythonapi, "malloc_trim", int)(0)
        return ()

NODE_CLASS_MAPPINGS = {"GiveBack": GiveBack}
"""


class Soak:
    """A server, what was done to it, and what went wrong."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.random = root, random.Random(seed)
        # Below folders of ours, so that a file which climbs out of the server's is seen.
        self.server = ComfyUI(root / "a/b/c/ComfyUI", OMP_NUM_THREADS="1", **FREED_IS_RETURNED)
        (self.server.base / "custom_nodes/give_back.py").write_text(GIVE_BACK, "utf-8")
        self.windows = self.server.output / "revideo_windows"
        self.mistakes = mistakes()
        self.done: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.digests: dict[tuple[str, int], str] = {}  # of each edit's first result
        self.sentences: set[str] = set()  # last lines of the tracebacks that the log may hold
        clip = read_video(example_files(ROOT / "js/examples", "both")[0])[0]
        write_video(self.server.input / CLIP, torch.cat([clip, clip.flip(0), clip])[:CLIP_FRAMES], 8)

    def expect(self, truth: object, fault: str) -> None:
        if not truth:
            self.faults[fault] += 1

    def files(self) -> set[Path]:
        return {path for path in self.root.rglob("*") if path.is_file()}

    def run(self, graph: Graph, watch: Watch | None = None) -> tuple[Run, str]:
        """A run and the digest of its frames; what it shows is removed."""
        run, digest = self.server.run(graph, watch), sha256()
        for name, output in run.outputs.items():
            for path in map(self.server.saved_path, output.get("images", [])):
                if name == "frames":
                    digest.update(np.asarray(Image.open(path)).tobytes())
                path.unlink(missing_ok=True)  # the cache names again what was shown before
        for path in self.server.base.glob("temp/ReVideoLongVideo_*"):
            path.unlink()  # a whole video, there until the server starts again
        if run.error:
            self.sentences.add(f"{run.error['exception_type']}: {run.message.splitlines()[0]}")
        return run, digest.hexdigest()

    def edit(self, route: str, seed: int) -> None:
        run, digest = self.run(ROUTES[route](seed, STEPS))
        self.expect(run.succeeded, f"an edit ({route}) failed: {run.error}")
        first = self.digests.setdefault((route, seed), digest)
        self.expect(digest == first, f"an edit ({route}, seed {seed}) is not equal to its first result")
        self.done["edits"] += 1

    def interrupt(self, route: str, clear: bool = False) -> None:
        """In the midst of sampling; `clear`: with others in the queue, which is emptied first."""
        graph = ROUTES[route](0, ENDLESS)

        def waiting() -> int:
            return len(self.server.get("/queue")["queue_pending"])

        def act() -> None:
            if clear:
                for seed in SEEDS:
                    self.server.post("/prompt", {"prompt": own(seed, ENDLESS)})
                self.expect(waiting() == len(SEEDS), f"of {len(SEEDS)} prompts {waiting()} wait")
                self.server.post("/queue", {"clear": True})
                self.expect(waiting() == 0, f"after the queue was cleared {waiting()} prompts wait")
            self.server.interrupt()

        run, _ = self.run(graph, at("long" if "long" in graph else "sample", self.random.randint(1, 4), act))
        self.expect(run.interrupted and not run.error, f"an interrupt ({route}) ended in {run.error}")
        self.done["clears" if clear else "interrupts"] += 1

    def refuse(self, name: str) -> None:
        graph, sentence = self.mistakes[name]
        try:
            run, _ = self.run(graph)
            answer = run.message.replace(str(self.server.input) + os.sep, "") if run.error else "its result"
        except Refused as refusal:
            answer = str(refusal).replace('\\"', '"')
        fine = sentence in answer and "traceback" not in answer
        self.expect(fine, f"{name} was answered with {answer}, not with: {sentence}")
        self.done["refusals"] += 1

    def name_node(self, node_id: str) -> None:
        """An edit by a node whose id means something to a file system: it may be refused, and write only windows."""
        graph = long_images(next(NUMBERS), 1)  # of this seed alone: the cache asks for no id
        graph[node_id] = graph.pop("long")
        graph["frames"]["inputs"]["images"] = [node_id, 0]
        before = self.files()
        with suppress(Refused):
            run, _ = self.run(graph)
            fine = run.succeeded or run.error["exception_type"] in SENTENCES
            self.expect(fine, f"a node named {node_id!r} ended in {run.error}")
        for path in self.files() - before:
            fine = path.is_relative_to(self.windows)
            self.expect(fine, f"a node named {node_id!r} wrote {path.relative_to(self.root)}")
            path.unlink()
        self.done["odd ids"] += 1

    def kill(self, seed: int) -> None:
        """Anywhere in a long run, a write of it cut off; queued again it must end as if nothing had been."""

        def act() -> None:
            self.server.process.kill()
            raise ConnectionAbortedError

        if ("long video", seed) not in self.digests:
            self.edit("long video", seed)
        self.free()  # else the cache could answer
        shutil.rmtree(self.windows)  # so that all that lies there is of the killed run
        with suppress(ConnectionAbortedError):
            self.run(long_video(seed, STEPS), at("long", self.random.randint(1, 8), act))
        for folder in self.windows.iterdir():
            for suffix in ("", ".writing"):
                (folder / f".window-000000-cut_off_.safetensors{suffix}").touch()
        self.stop()
        self.server.start()
        self.edit("long video", seed)
        for path in self.files():
            if UNFINISHED.match(path.name):
                self.expect(False, f"the file {path.name} of a killed run is still there after the next run")
                path.unlink()
        self.done["kills"] += 1

    def do_everything(self) -> None:
        for route in ROUTES:
            self.edit(route, 0)
            self.interrupt(route)
        self.interrupt("own", clear=True)
        for name in self.mistakes:
            self.refuse(name)
        for node_id in NODE_IDS:
            self.name_node(node_id)

    def do_anything(self, kills: bool) -> None:
        route, seed = self.random.choice(list(ROUTES)), self.random.choice(SEEDS)
        works = {
            partial(self.edit, route, seed): 4,
            partial(self.interrupt, route): 2,
            partial(self.interrupt, route, clear=True): 1,
            partial(self.refuse, self.random.choice(list(self.mistakes))): 4,
            partial(self.name_node, self.random.choice(NODE_IDS)): 1,
            partial(self.kill, seed): 2 * kills,
        }
        [work] = self.random.choices(list(works), list(works.values()))
        work()

    def free(self) -> None:
        self.server.post("/free", {"unload_models": True, "free_memory": True})
        for _ in range(2):  # the server looks for such requests after a run
            self.run(NOTHING)
        self.run({"back": node("GiveBack")})

    def measure(self) -> dict[str, int]:
        """With models unloaded and caches emptied."""
        self.free()
        process = psutil.Process(self.server.process.pid)
        handles = process.num_handles() if os.name == "nt" else process.num_fds()
        values = process.memory_info().rss >> 20, handles, process.num_threads(), len(self.files())
        return dict(zip(ROOM, values))

    def stop(self) -> None:
        for line in TRACEBACK.findall(self.server.log()):
            self.expect(line in self.sentences, f"the server's log has a traceback that ends in {line}")
        self.server.stop()


def growth(rows: list[dict[str, int]]) -> Iterator[str]:
    """What the second half of the rows held more of than the first."""
    for name, room in ROOM.items():
        first, last = (max(row[name] for row in half) for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]))
        if last > first + room:
            yield f"{name} grew from {first} to {last}; {room} more would be fine"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the choice of work")
    options = parser.parse_args()
    print(f"seed {options.seed}; measured after each of {ROWS} parts, the server killed in the first {ROWS_WITH_KILLS}")
    print(" ".join(f"{name:>10}" for name in ("minute", *DONE, *ROOM)), flush=True)
    rows: list[dict[str, int]] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        soak = Soak(Path(folder), options.seed)
        soak.server.start()
        begin = time.monotonic()
        try:
            for row in range(ROWS):
                end = time.monotonic() + options.minutes * 60 / ROWS
                if row == ROWS_WITH_KILLS:
                    soak.do_everything()
                soak.do_anything(kills=row < ROWS_WITH_KILLS)
                while time.monotonic() < end:
                    soak.do_anything(kills=row < ROWS_WITH_KILLS)
                rows.append(soak.measure())
                values = *(soak.done[name] for name in DONE), *rows[-1].values()
                minutes = (time.monotonic() - begin) / 60
                print(f"{minutes:10.1f} " + " ".join(f"{value:10}" for value in values), flush=True)
        finally:
            soak.stop()
    faults = [f"{fault} ({times} times)" for fault, times in soak.faults.items()]
    faults += growth(rows[ROWS_WITH_KILLS + 1 :])
    sys.exit("\n".join(faults) or None)


if __name__ == "__main__":
    main()
