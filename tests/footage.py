"""Clips of all kinds, as people bring them, written for a test."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FRAMES = 20


def pixels(number: int, height: int = 32, width: int = 48) -> np.ndarray:
    """A picture that no turn or mirror leaves as it is, another for each number."""
    y, x = np.mgrid[:height, :width]
    picture = np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 10 * number)], -1).astype(np.uint8)
    picture[: height // 4, : width // 4] = 255
    return picture


def write(path: Path, *tracks: dict, frames: int = FRAMES, codec: str = "libx264") -> Path:
    """Video tracks side by side: their size, pixel aspect, disposition and times in units of 1/1000 s."""
    with av.open(str(path), "w") as container:
        streams = []
        for track in tracks:
            stream = container.add_stream(track.get("codec", codec), rate=25, options={"crf": "1", "g": "1"})
            stream.height, stream.width = track.get("size", (32, 48))
            stream.pix_fmt = track.get("pix_fmt", "yuv420p")
            stream.codec_context.time_base = Fraction(1, 1000)
            stream.codec_context.sample_aspect_ratio = track.get("aspect", Fraction(1))
            if "disposition" in track:
                stream.disposition = track["disposition"]
            streams.append(stream)
        for stream, track in zip(streams, tracks):
            for number in range(track.get("frames", frames)):
                picture = av.VideoFrame.from_ndarray(pixels(number, *track.get("size", (32, 48))), format="rgb24")
                picture = picture.reformat(format=stream.pix_fmt)
                picture.pts = track.get("times", range(0, 10_000, 40))[number]
                picture.time_base = Fraction(1, 1000)
                container.mux(stream.encode(picture))
            container.mux(stream.encode())
    return path


def damage(path: Path, number: int) -> None:
    """Zeros in place of one frame's packet."""
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][number]
        place, size = packet.pos, packet.size
    content = bytearray(path.read_bytes())
    place = content.index(bytes(packet)[:64], place)
    content[place : place + size] = bytes(size)
    path.write_bytes(content)


def turn(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """An MP4 whose header turns or mirrors its pictures."""
    content = bytearray(path.read_bytes())
    a, b, c, d = (value * 0x10000 for value in matrix)
    place = content.index(b"tkhd") + 4 + 40  # the matrix of a version 0 track header
    content[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)
    path.write_bytes(content)
    return path
