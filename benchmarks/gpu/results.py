"""What was measured, as JSON and as Markdown, written anew after each part: a run that is cut off keeps its results."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..common import table_header, table_row

EXACT_WAYS = ("exact", "compiled", "plan", "shortage", "layout")  # parts whose frames have to be the exact way's
GIB = 2**30 / 10**9
MESSAGE_LENGTH = 2000


@dataclass
class Results:
    """Rows in the order in which they were measured: dicts with `part`, `name`, `status` and what was found."""

    folder: Path
    machine: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, part: str, name: str, status: str, **found: Any) -> None:
        """`status`: ok, missed (a check did not hold), failed or skipped."""
        self.rows.append({"part": part, "name": name, "status": status} | found)
        self.write()

    def write(self) -> None:
        """gpu.json and gpu.md."""
        self.folder.mkdir(parents=True, exist_ok=True)
        everything = {"machine": self.machine, "goals": self.goals(), "results": self.rows}
        (self.folder / "gpu.json").write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n", "utf-8")
        (self.folder / "gpu.md").write_text(self.markdown(), "utf-8")

    def of(self, *parts: str) -> list[dict[str, Any]]:
        """What was measured of these parts."""
        return [row for row in self.rows if row["part"] in parts and row["status"] in ("ok", "missed")]

    def goals(self) -> list[dict[str, Any]]:
        """What the project wants of a card, as far as it was measured on one: text, value, whether it holds."""
        goals: list[dict[str, Any]] = []
        if not self.machine["cuda"]:
            return goals

        def add(text: str, value: float, holds: bool) -> None:
            goals.append({"goal": text, "value": round(value, 2), "holds": holds})

        plain = {row["size"]: row["seconds_whole"] for row in self.of("plain") if row.get("seconds_decoding")}
        for row in self.of("exact", "compiled", "presets"):
            if row["size"] in plain:
                ratio = plain[row["size"]] / row["seconds_whole"]
                add(f"{row['way']}, {row['size']}: twice the plain path's speed", ratio, ratio >= 2)
        for row in self.of("plan"):
            if row["size"] == "768×1344" and row.get("budget_gb") == 8 and "reserved_gb" in row:
                add("768×1344 in 8 GiB", row["reserved_gb"], row["reserved_gb"] <= 8 * GIB)
        distances = [row["psnr_db"] for row in self.of("plain", *EXACT_WAYS) if "psnr_db" in row]
        if distances:
            add("at least 45 dB between exact modes", min(distances), min(distances) >= 45)
        return goals

    def markdown(self) -> str:
        """Tables for docs/benchmarks.md."""
        machine = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.machine.items() if value)
        sections = [
            f"Measured by `nox -s gpu`: {machine}.",
            self.recordings(),
            self.windows(),
            self.transfers(),
            self.suite(),
            "\n".join(self.goal_lines()),
            "\n".join(self.open_points()),
        ]
        return "\n\n".join(section for section in sections if section) + "\n"

    def recordings(self) -> str:
        rows = self.of("golden")
        columns = ("recording", "weights", "latents, relative RMS", "latents, largest difference")
        lines = [table_header(*columns, "frames, largest difference")]
        for row in rows:
            values = (row["latents_relative_rms"], row["latents_largest"], row["frames_largest"])
            lines.append(table_row(row["recording"], row["precision"], *(f"{each:.1e}" for each in values)))
        return "\n".join(lines) if rows else ""

    def windows(self) -> str:
        rows = self.of("exact", "plain", "plan", "shortage", "presets", "layout", "compiled", "whole", "fp8")
        lines = [
            table_header(
                "size",
                "way",
                "seconds a step",
                "conditioning, s",
                "decoding, s",
                "whole edit, s",
                "peak while conditioning, sampling, decoding, GB",
                "held by torch, GB",
                "predicted, GB",
                "peak / predicted",
                "PSNR to exact, dB",
            )
        ]
        lines += [table_row(row["size"], row["way"], *self.window_cells(row)) for row in rows]
        notes = ["≈: the whole edit is a step's time times its steps, not run; what was laid out how:"]
        laid_out = [row for row in rows if "plan" in row and "as" not in row]
        notes += [f"- {row['size']}, {row['way']}: {self.layout(row)}" for row in laid_out]
        return "\n".join(lines) + "\n\n" + "\n".join(notes) if rows else ""

    def window_cells(self, row: dict[str, Any]) -> list[str]:
        if "as" in row:
            return [f"as {row['as']}", *["–"] * 8]

        def cell(key: str, form: str = "{}") -> str:
            return form.format(row[key]) if row.get(key) is not None else "–"

        def stages(key: str) -> str:
            return ", ".join(f"{value:.2f}" for value in row[key].values()) if key in row else "–"

        return [
            cell("seconds_per_step", "{:.3f}"),
            cell("seconds_conditioning", "{:.2f}"),
            cell("seconds_decoding", "{:.2f}"),
            cell("seconds_whole", "{:.1f}" if row["whole_measured"] else "≈ {:.1f}"),
            stages("peak_gb"),
            cell("reserved_gb", "{:.2f}"),
            stages("predicted_gb"),
            cell("peak_over_predicted", "{:.2f}"),
            cell("psnr_db", "{:.1f}"),
        ]

    def layout(self, row: dict[str, Any]) -> str:
        text = row["plan"]
        if "plan_in_the_end" in row:
            text += f"; with {row['lid_gb']} GB left, {row['plan_in_the_end']}"
        if "seconds_compiling" in row:
            text += f"; its first run, which compiles, took {row['seconds_compiling']} s"
        return text

    def transfers(self) -> str:
        lines = []
        for row in self.of("transfers"):
            keys = ["to_device", "to_main_memory", "pinning", "pinned_to_device"]
            lines += [table_header("network", "GB", *(f"{key.replace('_', ' ')}, s" for key in keys))]
            for name, found in row["networks"].items():
                lines.append(table_row(name, str(found["gb"]), *(str(found.get(key, "–")) for key in keys)))
        return "\n".join(lines)

    def suite(self) -> str:
        return "\n".join(f"Tests on the device: {row['counts']}." for row in self.of("suite"))

    def goal_lines(self) -> list[str]:
        goals = self.goals()
        lines = [table_row(each["goal"], str(each["value"]), "yes" if each["holds"] else "no") for each in goals]
        return [table_header("goal", "measured", "reached"), *lines] if goals else []

    def open_points(self) -> list[str]:
        """What failed, did not hold, or was left out."""
        lines = []
        for row in self.rows:
            said = [f"not: {text}" for text, holds in row.get("checks", {}).items() if not holds]
            said += row.get("message", "").splitlines()[:1]
            if row["status"] != "ok":
                lines.append(f"- {row['name']}: {row['status']}. {'; '.join(said)}".rstrip())
        return ["Open:", "", *lines] if lines else []
