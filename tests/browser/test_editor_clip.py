"""The clip in the editor: what the graph feeds in is seen without a run, and after one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from comfyui_server import ROOT, ComfyUI, png
from drawing import FRAME, Drawing, build
from footage import turn
from frontend import journey
from PIL import Image
from playwright.sync_api import Page
from test_workflows import finish
from torch import Tensor

from revideo.synthetic.examples import example_files
from revideo.video.fitting import fit_frames
from revideo.video.io import read_image, read_video, write_video

SAME_DB = 34  # PSNR: the same frame, through a browser's decoder and scaler, has 36 and more
OTHER_DB = 30  # the neighbours of a frame have 28 at most
SHRINK = 4  # frames are compared at a quarter of their size


def frames_of(file: Path, frame: tuple[int, int] = FRAME, fit: Any = "stretch", **which: int) -> Tensor:
    """(T, 3, H, W): what Prepare Video makes of a file, by PyAV and the library alone."""
    frames, _ = read_video(file, **({"count": 14} | which))
    return fit_frames(frames, frame[1], frame[0], fit)


def small(frame: Tensor, size: tuple[int, int]) -> Tensor:
    picture = Image.fromarray((frame * 255).round().byte().permute(1, 2, 0).numpy())
    scaled = np.asarray(picture.resize(size, Image.Resampling.BOX)).copy()
    return torch.from_numpy(scaled).permute(2, 0, 1) / 255


def psnr(a: Tensor, b: Tensor) -> float:
    return float(-10 * torch.log10((a - b).square().mean()))


def likeness(drawing: Drawing, frame: Tensor) -> float:
    """PSNR in dB between what the editor shows and a frame."""
    size = (drawing.frame[0] // SHRINK, drawing.frame[1] // SHRINK)
    return psnr(drawing.picture(size), small(frame, size))


def assert_shows(drawing: Drawing, frames: Tensor, index: int) -> None:
    assert likeness(drawing, frames[index]) >= SAME_DB
    for neighbour in (index - 1, index + 1):
        if 0 <= neighbour < len(frames):
            assert likeness(drawing, frames[neighbour]) <= OTHER_DB  # else this would prove nothing


def go_to(drawing: Drawing, frame: int) -> None:
    drawing.tool("select")
    drawing.press("Home", *["."] * frame)
    assert drawing.time == frame


SETTINGS: dict[str, tuple[dict[str, Any], tuple[int, int]]] = {
    "as it comes": ({}, FRAME),
    "start, stride, count": ({"start": 7, "stride": 2, "count": 12}, FRAME),
    "crop": ({"size_policy": "exact", "width": 320, "height": 320, "fit": "crop"}, (320, 320)),
    "pad": ({"size_policy": "exact", "width": 320, "height": 320, "fit": "pad"}, (320, 320)),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_clip_is_seen_without_a_run(comfyui: ComfyUI, page: Page, name: str):
    settings, size = SETTINGS[name]
    count = settings.get("count", 14)
    frames = frames_of(
        comfyui.input / "bikes.mp4",
        size,
        settings.get("fit", "stretch"),
        start=settings.get("start", 0),
        stride=settings.get("stride", 1),
        count=count,
    )
    drawing = build(page, frame=size, **settings).wait_for_frames(count)
    for index in (0, 7, count - 1):
        go_to(drawing, index)
        assert_shows(drawing, frames, index)


def test_a_clip_of_oblong_pixels_is_seen_as_the_node_gets_it(comfyui: ComfyUI, page: Page):
    """carphone_pristine.mp4 holds 176×144 pixels, which players show 193 wide."""
    frames = frames_of(comfyui.input / "carphone_pristine.mp4", (448, 384))
    drawing = build(page, "carphone_pristine.mp4", frame=(448, 384)).wait_for_frames()
    assert_shows(drawing, frames, 0)


def test_a_turned_clip_is_seen_as_the_node_gets_it_at_its_own_size(comfyui: ComfyUI, page: Page):
    """As phones write them. Browsers turn clips, but do not mirror them (docs/footage.md)."""
    clip, rate = read_video(comfyui.input / "bikes.mp4", count=14)
    write_video(comfyui.input / "phone.mp4", clip, rate)
    turn(comfyui.input / "phone.mp4", (0, 1, -1, 0))
    frames, _ = read_video(comfyui.input / "phone.mp4")
    assert frames.shape[-2:] == (640, 272)
    drawing = build(page, "phone.mp4", frame=(272, 640), size_policy="source").wait_for_frames()
    assert_shows(drawing, frames, 0)


GRAB = """async ([file, frame, side]) => {
    const { openVideo } = await import("/extensions/ComfyUI-ReVideo/clip/videos.js");
    const drawn = window.createImageBitmap;
    let converted = 0; // whole frames
    window.createImageBitmap = (source, ...options) => {
        converted += source instanceof HTMLVideoElement || source instanceof VideoFrame;
        return drawn(source, ...options);
    };
    const url = window.app.api.apiURL(`/view?type=input&filename=${file}`);
    const reader = await openVideo(url, new AbortController().signal);
    const picture = await reader.grab(frame, side).finally(() => (window.createImageBitmap = drawn));
    reader.close();
    const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
    context.drawImage(picture, 0, 0);
    const { data, width, height } = context.getImageData(0, 0, picture.width, picture.height);
    return [[...data], width, height, converted];
}"""


@pytest.mark.parametrize(
    ("matrix", "converted"), [((1, 0, 0, 1), 0), ((-1, 0, 0, -1), 1), ((0, 1, -1, 0), 1)], ids=["upright", "180", "90"]
)
def test_frames_of_a_long_clip_are_made_small(
    comfyui: ComfyUI, page: Page, matrix: tuple[int, int, int, int], converted: int
):
    """Without the browser's holding whole frames of a large clip, which it keeps for a while; turned ones it turns."""
    clip, rate = read_video(comfyui.input / "bikes.mp4", count=14)
    file = comfyui.input / f"small_{matrix[0]}.mp4"
    write_video(file, clip, rate)
    turn(file, matrix)
    frames, _ = read_video(file)
    data, *seen = page.evaluate(GRAB, [file.name, 5, 160])
    size = (160, 68) if frames.shape[-1] == FRAME[0] else (68, 160)
    assert seen == [*size, converted]
    pixels = torch.tensor(data, dtype=torch.float32).reshape(size[1], size[0], 4)[..., :3].permute(2, 0, 1) / 255
    assert psnr(pixels, small(frames[5], size)) >= SAME_DB


SET_DOCUMENT = """([id, text]) => {
    window.app.graph.getNodeById(id).widgets.find(widget => widget.name === "document").value = text;
}"""

SET_WIDGET = """([type, name, value]) => {
    const widget = window.app.graph.nodes.find(node => node.type === type).widgets.find(widget => widget.name === name);
    widget.value = value;
    widget.callback?.(value);
}"""


@journey
def test_settings_changed_upstream_change_the_picture(server: ComfyUI, page: Page):
    drawing = build(page).wait_for_frames()
    later = frames_of(server.input / "bikes.mp4", start=40)
    assert likeness(drawing, later[0]) < OTHER_DB
    page.evaluate(SET_WIDGET, ["ReVideoPrepareVideo", "start", 40])
    page.mouse.move(10, 500)
    page.mouse.move(*drawing.place(300, 100))  # the editor looks again when the pointer comes back to it
    drawing.wait_for(lambda d: likeness(d, later[0]) >= SAME_DB, "the later part of the clip")

    page.evaluate(SET_WIDGET, ["LoadVideo", "file", "bigbuckbunny.mp4"])
    page.mouse.move(10, 500)
    page.mouse.move(*drawing.place(300, 100))
    other = frames_of(server.input / "bigbuckbunny.mp4", (576, 320), start=40)
    drawing.frame = (576, 320)
    drawing.wait_for(lambda d: likeness(d, other[0]) >= SAME_DB, "the other clip")


# As a busy browser does: it has no frame for a while after it says so, then the one before, and shows every second one.
BUSY = """() => {
    const { prototype } = HTMLVideoElement;
    const time = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "currentTime");
    const frames = prototype.requestVideoFrameCallback;
    Object.defineProperty(prototype, "currentTime", { configurable: true, get: time.get, set(to) {
        time.set.call(this, to);
        if (this.paused) this.dispatchEvent(new Event("seeked"));
    } });
    prototype.requestVideoFrameCallback = function (tell) {
        return frames.call(this, (now, frame) => {
            this.isSecond = !this.isSecond;
            if (this.paused || this.isSecond) tell(now, frame);
            else this.requestVideoFrameCallback(tell);
        });
    };
    const { VideoFrame } = window;
    let asked = 0;
    window.VideoFrame = class extends VideoFrame {
        constructor(...of) {
            if ((asked += 1) % 3 === 1) throw new DOMException("Invalid source state", "InvalidStateError");
            super(...of);
        }
    };
    return () => {
        Object.assign(window, { VideoFrame });
        prototype.requestVideoFrameCallback = frames;
        delete prototype.currentTime;
    };
}"""


def test_a_busy_browser_shows_the_frames_that_it_is_asked_for(comfyui: ComfyUI, page: Page):
    rest = page.evaluate_handle(BUSY)
    try:
        shutil.copyfile(comfyui.input / "bikes.mp4", comfyui.input / "busy.mp4")  # its rate is not known yet
        frames = frames_of(comfyui.input / "busy.mp4", start=20)
        drawing = build(page, "busy.mp4", start=20).wait_for_frames()
        for index in range(14):
            go_to(drawing, index)
            assert_shows(drawing, frames, index)
    finally:
        rest.evaluate("rest => rest()")


@journey
def test_after_a_run_the_frames_the_node_got_are_seen(server: ComfyUI, page: Page):
    """A node in between that the editor does not understand: only the run shows what it does."""
    frames = frames_of(server.input / "bikes.mp4")
    invert = {"type": "ImageInvert", "pos": [380, 420], "inputs": {"image": ["prepare", 0]}}
    more = {"invert": invert, "look": {"type": "PreviewAny", "pos": [1600, 0], "inputs": {"source": ["editor", 2]}}}
    drawing = build(page, more=more, inputs={"frames": ["invert", 0]}).wait_for_frames()
    assert "run the graph" in drawing.status
    assert_shows(drawing, frames, 0)
    entry = finish(server, page)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    drawing.wait_for(lambda d: likeness(d, 1 - frames[0]) >= SAME_DB, "the frames of the run")
    go_to(drawing, 13)
    drawing.wait_for(lambda d: likeness(d, 1 - frames[13]) >= SAME_DB, "the last frame of the run")


DROP = """async (stage, { name, type, url, text }) => {
    const content = url ? await (await fetch(url)).blob() : text;
    const data = new DataTransfer();
    data.items.add(new File([content], name, { type }));
    for (const kind of ["dragenter", "dragover", "drop"])
        stage.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def size_of(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


@journey
@pytest.mark.parametrize("upstream", [True, False], ids=["upstream", "alone"])
def test_a_dropped_clip_is_uploaded_and_shown(server: ComfyUI, page: Page, upstream: bool):
    name = f"dropped {upstream} {page.evaluate('performance.now()'):.0f}.mp4"
    drawing = build(page, "bigbuckbunny.mp4" if upstream else None)
    if upstream:
        drawing.wait_for_frames()
    file = {"name": name, "type": "video/mp4", "url": "/view?filename=bikes.mp4&type=input"}
    drawing.stage.evaluate(DROP, file)
    page.wait_for_function("() => window.app.graph.nodes.some(node => node.type === 'LoadVideo')")
    sent = (server.input / "bikes.mp4").stat().st_size
    drawing.wait_for(lambda d: size_of(server.input / name) == sent, "the upload")  # ComfyUI writes it bit by bit
    frames = frames_of(server.input / name)
    drawing.wait_for(lambda d: likeness(d, frames[0]) >= SAME_DB, "the dropped clip")
    types = page.evaluate("window.app.graph.nodes.map(node => node.type).sort()")
    assert types == ["LoadVideo", "ReVideoEditor", "ReVideoPrepareVideo"]  # reused, or made


def test_what_is_neither_clip_nor_drawing_is_not_uploaded(comfyui: ComfyUI, page: Page):
    drawing = build(page, None)
    drawing.stage.evaluate(DROP, {"name": "notes.pdf", "type": "application/pdf", "text": "%PDF"})
    drawing.wait_for(lambda d: "notes.pdf" in d.message, "a message")
    assert not (comfyui.input / "notes.pdf").exists()
    assert len(page.evaluate("window.app.graph.nodes")) == 1


def test_the_edited_frame_lies_over_frame_0_and_c_shows_the_source(server: ComfyUI, page: Page):
    frames = frames_of(server.input / "bikes.mp4")
    edited = frames[0].flip(2)
    server.upload("flipped.png", png(edited.permute(1, 2, 0)))
    load = {"type": "LoadImage", "pos": [380, 420], "widgets": {"image": "flipped.png"}}
    drawing = build(page, more={"edited": load}, inputs={"edited_frame": ["edited", 0]}).wait_for_frames()
    drawing.wait_for(lambda d: likeness(d, edited) >= SAME_DB, "the edited frame")
    drawing.tool("select")
    page.keyboard.down("c")
    assert_shows(drawing, frames, 0)
    page.keyboard.up("c")
    assert likeness(drawing, edited) >= SAME_DB
    go_to(drawing, 1)
    assert_shows(drawing, frames, 1)  # the others are the source's
    go_to(drawing, 0)
    box = drawing.button("compare").bounding_box() if drawing.button("compare").count() else None
    if box:
        page.mouse.move(box["x"] + 5, box["y"] + 5)
        page.mouse.down()
        assert_shows(drawing, frames, 0)
        page.mouse.up()
        assert likeness(drawing, edited) >= SAME_DB


def test_an_example_of_the_pack_is_seen_with_its_edited_frame_and_a_dropped_clip_takes_its_place(
    comfyui: ComfyUI, page: Page
):
    clip, edited = example_files(ROOT / "js/examples", "content")
    frames, _ = read_video(clip)
    example = {"type": "ReVideoExampleClip", "pos": [0, 420], "widgets": {"example": "content"}}
    inputs = {"frames": ["example", 0], "edited_frame": ["example", 1]}
    drawing = build(page, None, frame=(128, 128), more={"example": example}, inputs=inputs).wait_for_frames()
    drawing.wait_for(lambda d: likeness(d, read_image(edited)) >= SAME_DB, "the edited frame")
    go_to(drawing, 7)
    assert_shows(drawing, frames, 7)

    file = {"name": "instead.mp4", "type": "video/mp4", "url": "/view?filename=bikes.mp4&type=input"}
    drawing.stage.evaluate(DROP, file)
    page.wait_for_function("() => window.app.graph.nodes.some(node => node.type === 'LoadVideo')")
    # Its own first frame stands for the edited one: the example's would be taken for it.
    assert page.evaluate(FED) == {"frames": "ReVideoPrepareVideo", "edited_frame": "ReVideoPrepareVideo"}
    picture = {"name": "own frame.png", "type": "image/png", "url": "/extensions/ComfyUI-ReVideo/examples/motion.png"}
    drawing.stage.evaluate(DROP, picture)
    asked = drawing.element.locator(".rve-message")
    asked.get_by_role("button", name="The edited first frame").click()  # it is square, the clip is not
    page.wait_for_function("() => window.app.graph.nodes.some(node => node.type === 'LoadImage')")
    assert page.evaluate(FED) == {"frames": "ReVideoPrepareVideo", "edited_frame": "LoadImage"}


# What the editor's inputs come from; Example Clip is gone, or it would be taken for something.
FED = """() => {
    const { graph } = window.app
    const editor = graph.nodes.find(({ type }) => type === "ReVideoEditor")
    if (graph.nodes.some(({ type }) => type === "ReVideoExampleClip")) throw new Error("the example is still there")
    const linked = editor.inputs.filter(({ link }) => link !== null)
    const originOf = link => graph.getNodeById(graph.getLink(link).origin_id)
    return Object.fromEntries(linked.map(({ name, link }) => [name, originOf(link).type]))
}"""


def test_a_missing_clip_is_said_and_shown_once_it_is_there(comfyui: ComfyUI, page: Page):
    drawing = build(page, "gone.mp4")
    drawing.wait_for(lambda d: "gone.mp4" in d.status, "a word about the clip")
    assert "no such file" in drawing.status
    assert drawing.drawn().element.get_by_role("button", name="Choose a video…").is_visible()
    # It comes, and nobody says so: the editor looks again when the pointer comes back to it.
    shutil.copy(comfyui.input / "bikes.mp4", comfyui.input / "gone.mp4")
    page.mouse.move(10, 500)
    page.mouse.move(*drawing.place(300, 100))
    drawing.wait_for_frames()
    (comfyui.input / "gone.mp4").unlink()


@journey
def test_an_upload_into_the_loader_is_seen_at_once(server: ComfyUI, page: Page):
    """As its button does it: the file comes, the widget is set and told."""
    drawing = build(page).wait_for_frames()
    page.mouse.move(10, 500)
    page.evaluate(SET_WIDGET, ["LoadVideo", "file", "bigbuckbunny.mp4"])
    frames = frames_of(server.input / "bigbuckbunny.mp4", (576, 320))
    drawing.frame = (576, 320)
    drawing.wait_for(lambda d: likeness(d, frames[0]) >= SAME_DB, "the other clip")


def ball(index: int) -> Image.Image:
    picture = Image.new("RGBA", (320, 192), (40, 120, 200, 255))
    picture.paste((220, 60, 20, 255), (30 * index, 40, 30 * index + 80, 120))
    return picture


def clear_ground(picture: Image.Image) -> Image.Image:
    """Its upper half transparent, its colours as before."""
    picture.putalpha(Image.fromarray(np.repeat(np.uint8([0, 255]), 96)[:, None].repeat(320, 1)))
    return picture


PICTURES: dict[str, tuple[str, dict[str, Any], bool, int]] = {
    "a GIF": ("ball.gif", {"duration": 100, "loop": 0}, False, 6),
    "an animated WebP": ("ball.webp", {"duration": 100, "lossless": True}, False, 6),
    "a WebP": ("still.webp", {"lossless": True}, False, 1),
    "a PNG with transparency": ("clear.png", {}, True, 1),
    "a WebP with transparency": ("clear.webp", {"lossless": True, "exact": True}, True, 1),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_seen_as_the_run_sees_it(comfyui: ComfyUI, page: Page, name: str):
    file, how, clear, count = PICTURES[name]
    pictures = [ball(index) for index in range(count)]
    shown = [clear_ground(picture) for picture in pictures] if clear else [one.convert("RGB") for one in pictures]
    more = {"save_all": True, "append_images": shown[1:]} if count > 1 else {}
    shown[0].save(comfyui.input / file, **how, **more)
    load = {"type": "LoadImage", "pos": [380, 60], "widgets": {"image": file}}
    drawing = build(page, None, frame=(320, 192), more={"load": load}, inputs={"frames": ["load", 0]})
    drawing.wait_for_frames(count)
    assert drawing.document.get("frames", count) == count
    for index in {0, count - 1}:
        go_to(drawing, index)
        expected = torch.from_numpy(np.asarray(pictures[index].convert("RGB")).copy()).permute(2, 0, 1) / 255
        assert likeness(drawing, expected) >= SAME_DB


def test_a_name_that_comfyui_cannot_send_is_said(comfyui: ComfyUI, page: Page):
    name = "two\nlines.png"
    ball(0).save(comfyui.input / name)
    load = {"type": "LoadImage", "pos": [380, 60], "widgets": {"image": name}}
    drawing = build(page, None, more={"load": load}, inputs={"frames": ["load", 0]})
    drawing.wait_for(lambda d: "cannot send a file of this name" in d.status, "a word about the name")
    (comfyui.input / name).unlink()


def test_what_a_browser_cannot_decode_is_not_told_as_missing(comfyui: ComfyUI, page: Page):
    (comfyui.input / "noise.mp4").write_bytes(b"no video at all")
    drawing = build(page, "noise.mp4")
    drawing.wait_for(lambda d: "noise.mp4" in d.status, "a word about the clip")
    assert "cannot decode" in drawing.status
    assert drawing.drawn().element.get_by_role("button", name="Show the frames").is_visible()


def test_a_video_without_a_type_is_a_video(comfyui: ComfyUI, page: Page):
    """Systems that do not know Matroska name no type."""
    frames, rate = read_video(comfyui.input / "bikes.mp4", count=14)
    write_video(comfyui.input / "source.mkv", frames, rate)
    drawing = build(page, None)
    drawing.stage.evaluate(DROP, {"name": "dropped.mkv", "type": "", "url": "/view?filename=source.mkv&type=input"})
    page.wait_for_function("() => window.app.graph.nodes.some(node => node.type === 'LoadVideo')")
    drawing.wait_for_frames()


BOXES = """() => window.app.graph.nodes.map(({ pos, size }) => [pos[0], pos[1], size[0], size[1]])"""


@journey
def test_dropped_pictures(server: ComfyUI, page: Page):
    """Of the clip's shape it is the edited frame; of another, one is asked. The drawing stays, nodes lie apart."""
    drawing = build(page).wait_for_frames()
    drawing.tool("line")
    drawing.drag([(100, 60), (300, 80)])
    before = drawing.text
    frames = frames_of(server.input / "bikes.mp4")
    server.upload("wide.png", png(frames[0].flip(2).permute(1, 2, 0)))
    server.upload("tall.png", png(frames[0].flip(2).permute(2, 1, 0)))
    drawing.stage.evaluate(DROP, {"name": "fits.png", "type": "image/png", "url": "/view?filename=wide.png&type=input"})
    drawing.wait_for(lambda d: likeness(d, frames[0].flip(2)) >= SAME_DB, "the edited frame")
    assert drawing.text == before
    drawing.stage.evaluate(DROP, {"name": "no.png", "type": "image/png", "url": "/view?filename=tall.png&type=input"})
    drawing.element.locator(".rve-message").get_by_role("button", name="The edited first frame").wait_for()
    assert "no.png" in drawing.message
    assert drawing.text == before
    drawing.element.locator(".rve-message").get_by_role("button", name="The clip").click()
    page.wait_for_function("() => window.app.graph.nodes.filter(node => node.type === 'LoadImage').length === 2")
    boxes = page.evaluate(BOXES)
    for index, (x, y, width, height) in enumerate(boxes):
        for left, top, wide, high in boxes[index + 1 :]:
            assert x + width <= left or left + wide <= x or y + height <= top or top + high <= y


def test_an_empty_editor_invites_and_says_what_is_missing(comfyui: ComfyUI, page: Page):
    drawing = build(page, None)
    with page.expect_file_chooser() as chooser:
        drawing.element.get_by_role("button", name="Choose a video…").click()
    chooser.value.set_files(str(comfyui.input / "bikes.mp4"))
    drawing.wait_for_frames()
    assert not drawing.drawn().element.locator(".rve-invitation").is_visible()
    assert "No area" in drawing.status
    drawing.tool("rect")
    drawing.drag([(50, 20), (380, 140)])
    assert "No path" in drawing.status
    drawing.tool("line")
    drawing.drag([(100, 60), (300, 80)])
    assert not drawing.drawn().element.locator(".rve-status strong").inner_text()


@journey
def test_frames_that_only_a_run_knows_are_shown_by_a_press(server: ComfyUI, page: Page):
    """Only what feeds them runs."""
    blank = {"type": "EmptyImage", "pos": [380, 60], "widgets": {"width": 320, "height": 192, "color": 0x20C040}}
    look = {"type": "PreviewAny", "pos": [1600, 0], "inputs": {"source": ["editor", 2]}}
    drawing = build(page, None, frame=(320, 192), more={"blank": blank, "look": look}, inputs={"frames": ["blank", 0]})
    drawing.element.get_by_role("button", name="Show the frames").click()
    green = torch.tensor([0x20, 0xC0, 0x40])[:, None, None].expand(3, 192, 320) / 255
    drawing.wait_for(lambda d: d.frame and likeness(d, green) >= SAME_DB, "the frame")
