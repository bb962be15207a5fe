"""Nodes and editor in other languages: no word of theirs is missing in any, and ComfyUI serves them."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
from comfyui_server import PACK, ROOT, ComfyUI

NAMES = ("VAE", "ControlNet", "ReVideo Editor")  # in every language
LETTERS = {"zh": r"[一-鿿]", "ja": r"[ぁ-ヿ一-鿿]", "ko": r"[가-힣]"}

VALUE = r"\$\{(?:[^{}`]|\{[^{}`]*\})*\}"  # of a place in a sentence of the editor
PLACE = r"\{\d+\}"
BEGIN = r"(?<![\w$\\])t`"
SAID = re.compile(rf"{BEGIN}((?:[^`$]|\$(?!\{{)|{VALUE})*)`")


def wording(info: dict[str, Any]) -> dict[str, Any]:
    """What a node says, as a locale file has it."""
    inputs: dict[str, dict[str, str]] = {}
    for name, (_, *options) in {**info["input"].get("required", {}), **info["input"].get("optional", {})}.items():
        given = options[0] if options else {}
        inputs[name] = {"name": name} | ({"tooltip": given["tooltip"]} if given.get("tooltip") else {})
    outputs = {
        str(number): {"name": name, "tooltip": tooltip}
        for number, (name, tooltip) in enumerate(zip(info["output_name"], info["output_tooltips"]))
    }
    return {key: info[key] for key in ("display_name", "description")} | {"inputs": inputs, "outputs": outputs}


def leaves(words: dict[str, Any], above: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in words.items():
        found |= leaves(value, f"{above}{key}/") if isinstance(value, dict) else {f"{above}{key}": value}
    return found


@pytest.mark.parametrize("language", LETTERS)
def test_every_word_of_every_node_is_said_in_other_languages(comfyui: ComfyUI, language: str):
    nodes = {name: info for name, info in comfyui.get("/object_info").items() if info["python_module"].endswith(PACK)}
    english = leaves({name: wording(info) for name, info in nodes.items()})
    said = json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text("utf-8"))
    translated = leaves(said)
    assert translated.keys() == english.keys()
    for key, text in translated.items():
        assert text in NAMES or re.search(LETTERS[language], text), f"{key}: {text}"
        assert not Counter(re.findall(r"\d+", english[key])) - Counter(re.findall(r"\d+", text)), f"{key}: {text}"
    assert comfyui.get("/i18n")[language]["nodeDefs"].items() >= said.items()


def editor_sentences() -> dict[str, str]:
    """What js/ says, as js/locale.js looks it up → the module that says it first, in the order of the modules."""
    found: dict[str, str] = {}
    for module in sorted((ROOT / "js").rglob("*.js")):
        name, text = module.relative_to(ROOT / "js").as_posix(), module.read_text("utf-8")
        if name == "locale.js":
            continue
        said = [match[1] for match in SAID.finditer(text)]
        assert len(said) == len(re.findall(BEGIN, text)), f"{name}: a value within t`…` holds a backtick"
        for sentence in said:
            first, *others = re.split(VALUE, sentence)
            key = first + "".join(f"{{{place}}}{text}" for place, text in enumerate(others))
            assert "\\" not in key, f"{name}: {key}"  # it would be looked up by what it stands for
            found.setdefault(key, name)
    return found


@pytest.mark.parametrize("language", LETTERS)
def test_every_word_of_the_editor_is_said_in_other_languages(comfyui: ComfyUI, language: str):
    said = json.loads((ROOT / "locales" / language / "main.json").read_text("utf-8"))
    translated = said["ReVideoEditor"]
    assert translated.keys() == editor_sentences().keys()
    for key, text in translated.items():
        assert Counter(re.findall(PLACE, text)) == Counter(re.findall(PLACE, key)), f"{key}: {text}"
        key, text = (re.sub(PLACE, "", one) for one in (key, text))
        assert text in NAMES or re.search(LETTERS[language], text) or not re.search("[A-Za-z]", key), f"{key}: {text}"
        assert not Counter(re.findall(r"\d+", key)) - Counter(re.findall(r"\d+", text)), f"{key}: {text}"
    assert comfyui.get("/i18n")[language]["ReVideoEditor"] == translated
