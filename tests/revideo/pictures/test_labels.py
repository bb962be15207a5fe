"""Labels show every letter of the scripts that people name things in, never the box of a missing one, and whole."""

import unicodedata

import numpy as np
import pytest
import torch
from fontTools.ttLib import TTCollection
from PIL import Image, ImageDraw, ImageFont, features

from revideo.pictures.sheets import (
    BACKGROUND,
    CAPITAL,
    INK,
    LABEL_FONTS,
    draw_text,
    label_size,
    side_by_side,
    text_size,
)

SIZE = 24
NAMES = {
    "Latin": "Éclair, Đường phố, řeka",
    "Greek": "Περιοχή",
    "Cyrillic": "область, Київ",
    "Armenian": "տարածք",
    "Georgian": "არე",
    "Hebrew": "אזור 2",
    "Arabic": "مسار الكرة، ٢",
    "Thaana": "ދިވެހި",
    "Chinese": "编辑区域 編輯區域",
    "Japanese": "編集エリアのうごき",
    "Korean": "편집 영역",
    "Hindi": "क्षेत्र १",
    "Bengali": "অঞ্চল",
    "Punjabi": "ਖੇਤਰ",
    "Gujarati": "વિસ્તાર",
    "Odia": "ଅଞ୍ଚଳ",
    "Tamil": "பகுதி",
    "Telugu": "ప్రాంతం",
    "Kannada": "ಪ್ರದೇಶ",
    "Malayalam": "പ്രദേശം",
    "Sinhala": "ප්‍රදේශය",
    "Thai": "พื้นที่",
    "Lao": "ພື້ນທີ່",
    "Khmer": "តំបន់",
    "Burmese": "ဧရိယာ",
    "Tibetan": "བསྒྲུབས",
    "Amharic": "አካባቢ",
    "Mongolian": "ᠭᠠᠵᠠᠷ",
    "Cherokee": "ᎦᏙᎯ",
    "Emoji": "😀🎬🏀🦆❤️👨‍👩‍👧",
    "Signs": "→ × − · … “ ” Γ σ 100 %",
}
BLOCKS = {  # what is in daily use, wholly
    "Latin": (0x20, 0x17F),
    "Greek": (0x386, 0x3CE),
    "Cyrillic": (0x400, 0x4FF),
    "Hebrew": (0x5D0, 0x5EA),
    "Arabic": (0x621, 0x63A),
    "Devanagari": (0x904, 0x939),
    "Thai": (0xE01, 0xE3A),
    "Hiragana": (0x3041, 0x3094),
    "Katakana": (0x30A1, 0x30F6),
    "Han": (0x4E00, 0x9FA5),
    "Hangul": (0xAC00, 0xD7A3),
}


def drawn(text: str, size: int = SIZE) -> np.ndarray:  # (H, W) of ink, with room all around
    canvas = np.full((6 * size, text_size(text, size)[0] + 4 * size, 3), BACKGROUND, np.uint8)
    draw_text(canvas, text, 2 * size, 3 * size, size)
    return canvas[..., 0] - BACKGROUND[0]


def trimmed(ink: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(ink)
    return ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


@pytest.fixture(scope="module")
def boxes() -> list[bytes]:
    """What each font shows for a character that it lacks; one shows nothing."""
    shapes = []
    for face in range(len(TTCollection(LABEL_FONTS, lazy=True).fonts)):
        picture = Image.new("RGB", (4 * SIZE, 6 * SIZE), BACKGROUND)
        font = ImageFont.truetype(LABEL_FONTS, SIZE / CAPITAL, face)
        ImageDraw.Draw(picture).text((SIZE, 3 * SIZE), "\uffff", INK, font, anchor="ls")
        box = np.asarray(picture)[..., 0] - BACKGROUND[0]
        if box.any():
            shapes.append(trimmed(box).tobytes())
    return shapes


@pytest.mark.parametrize("script", NAMES)
def test_no_letter_is_a_box_or_a_code_point(script, boxes):
    for character in NAMES[script]:
        if character.isspace() or character in "\u200d\ufe0f":  # spaces, joiners and selectors
            continue
        ink = drawn(character)
        assert ink.any(), f"U+{ord(character):04X}"
        assert trimmed(ink).tobytes() not in boxes, f"U+{ord(character):04X}"
        escaped = drawn(f"U+{ord(character):04X}")
        assert escaped.shape != ink.shape or (escaped != ink).any()


@pytest.mark.parametrize("block", BLOCKS)
def test_blocks_are_covered(block):
    fonts = TTCollection(LABEL_FONTS, lazy=True).fonts
    covered = set().union(*(font.getBestCmap() for font in fonts))
    first, last = BLOCKS[block]
    assigned = {code for code in range(first, last + 1) if unicodedata.category(chr(code)) not in ("Cn", "Cc")}
    assert assigned <= covered


@pytest.mark.parametrize("character", ["\u0378", "\U0001ffff", "\U00020bb7", "\t", "\n", "\x00", "\udcff"])
def test_what_no_font_has_is_its_code_point(character):
    """Unassigned, a rare ideograph, a control character, and a byte of a file name that is no text."""
    assert np.array_equal(drawn(f"clip {character}.mp4"), drawn(f"clip U+{ord(character):04X}.mp4"))


@pytest.mark.parametrize("script", NAMES)
def test_a_name_is_as_wide_as_it_says_and_stays_in_its_strip(script):
    width, depth = text_size(NAMES[script], SIZE)
    rows, columns = np.nonzero(drawn(NAMES[script]))
    assert columns.min() >= 2 * SIZE - SIZE // 4 and columns.max() <= 2 * SIZE + width + SIZE // 4
    assert rows.max() < 3 * SIZE + depth
    assert rows.min() >= 3 * SIZE - 1.6 * SIZE, "above the strip over a panel"


@pytest.mark.parametrize("script", ["Latin", "Chinese", "Thai", "Telugu", "Burmese", "Tibetan"])
def test_a_panel_does_not_cover_its_name(script):
    height, width = 256, 384
    size = label_size(height, width)
    sheet = side_by_side({NAMES[script]: torch.ones(1, 3, height, width)})[0]
    top = (sheet == 1).all(0).any(1).nonzero()[0, 0]
    label = (sheet[0, :top] * 255).round().byte().numpy() - BACKGROUND[0]
    assert np.array_equal(trimmed(label), trimmed(drawn(NAMES[script], size)))


def test_a_selector_of_a_shape_is_not_seen():
    assert np.array_equal(drawn("❤\ufe0f!"), drawn("❤!"))
    assert np.array_equal(drawn("辻\U000e0100!"), drawn("辻!"))


def test_parts_of_letters_as_macos_writes_them_are_drawn_as_letters():
    for name in ("편집", "é", "が"):
        assert np.array_equal(drawn(unicodedata.normalize("NFD", name)), drawn(name))


@pytest.mark.skipif(not features.check("raqm"), reason="this Pillow has no Raqm")
@pytest.mark.parametrize("script", ["Arabic", "Hindi", "Bengali", "Telugu"])
def test_letters_join(script):
    name = NAMES[script].split()[0]
    assert text_size(name, SIZE)[0] < 0.95 * sum(text_size(letter, SIZE)[0] for letter in name)


@pytest.mark.skipif(not features.check("raqm"), reason="this Pillow has no Raqm")
def test_hebrew_runs_from_right_to_left():
    rows, columns = np.nonzero(trimmed(drawn("אל")))
    assert columns[rows == 0].max() < columns.max() / 2, "the second letter is the tall one"
