"""What a result has of its source: all that a prober says of the two, and the pixels where nothing was edited."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

import revideo
from revideo.sampling.samplers import SamplerOptions

FRAMES, HEIGHT, WIDTH = 14, 64, 128
SDR, HLG, PQ = (1, 1, 1, 1), (9, 9, 18, 1), (9, 9, 16, 1)
FILM, TELEVISION = Fraction(24000, 1001), Fraction(30000, 1001)
VARIABLE = [0, 33, 66, 100, 180, 200, 240, 333, 350, 400, 500, 533, 567, 600]  # of 1/1000 s


def make_source(path: Path, rate: Fraction | None, bits: int, colours: tuple[int, ...], sounds: dict[str, str]) -> Path:
    """`rate` None: as VARIABLE. `sounds`: languages and layouts of the tracks."""
    deep = bits > 8
    with av.open(str(path), "w") as container:
        base = 1 / rate if rate else Fraction(1, 1000)
        options = {"crf": "2"} | ({"x265-params": "log-level=error"} if deep else {})
        stream = container.add_stream("libx265" if deep else "libx264", rate=rate or 24, options=options)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p10le" if deep else "yuv420p"
        codec = stream.codec_context
        codec.time_base = base
        codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range = colours
        tracks = []
        for language, layout in sounds.items():
            track = container.add_stream("aac", rate=48000, layout=layout)
            track.metadata["language"] = language
            tracks.append(track)
        ramp = np.linspace(60, 200, WIDTH)
        for number in range(FRAMES):
            grey = np.tile(ramp + number, (HEIGHT, 1))
            pixels = np.repeat((grey * (257 if deep else 1)).astype(np.uint16 if deep else np.uint8)[..., None], 3, 2)
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb48le" if deep else "rgb24").reformat(
                format=stream.pix_fmt, dst_colorspace=colours[0], dst_color_range=1
            )
            picture.pts, picture.time_base = number if rate else VARIABLE[number], base
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
        for track in tracks:
            count = len(track.codec_context.layout.channels)
            for start in range(0, 24000, 1024):
                wave = np.sin(np.arange(start, start + 1024) / 20).astype(np.float32)
                samples = av.AudioFrame.from_ndarray(
                    np.tile(wave, (count, 1)), format="fltp", layout=track.codec_context.layout.name
                )
                samples.sample_rate, samples.pts = 48000, start
                container.mux(track.encode(samples))
            container.mux(track.encode())
    return path


def probe(path: Path, even: bool) -> dict[str, Any]:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        codec = video.codec_context
        found: dict[str, Any] = {
            "codec": (codec.name, codec.pix_fmt, codec.width, codec.height, codec.sample_aspect_ratio),
            "colours": (codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range),
            "rate": video.average_rate if even else None,  # of uneven times it says little
            "times": [round(picture.time, 3) for picture in container.decode(video=0)],
        }
    with av.open(str(path)) as container:
        found["sounds"] = [
            (track.codec_context.name, track.codec_context.layout.name, track.rate, track.language, track.disposition)
            for track in container.streams.audio
        ]
        packets: dict[int, list[bytes]] = {track.index: [] for track in container.streams.audio}
        for packet in container.demux(container.streams.audio) if packets else ():
            if packet.size:
                packets[packet.stream_index].append(bytes(packet))
        found["packets"] = list(packets.values())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    "rate, bits, colours, sounds",
    [
        (FILM, 8, SDR, {"eng": "mono"}),
        (TELEVISION, 10, HLG, {"eng": "5.1"}),
        (None, 10, PQ, {"eng": "stereo", "deu": "mono"}),
        (TELEVISION, 8, SDR, {}),
        (None, 10, SDR, {"fra": "5.1", "eng": "stereo"}),
    ],
    ids=[
        "23.976, mono",
        "29.97, HLG, 5.1",
        "variable, PQ, two tracks",
        "29.97, silent",
        "variable, ten bits, two tracks",
    ],
)
def test_a_prober_says_the_same_of_a_result_as_of_its_source(tmp_path, suffix, rate, bits, colours, sounds):
    source = make_source(tmp_path / f"source{suffix}", rate, bits, colours, sounds)
    result = tmp_path / f"result{suffix}"
    mask = torch.zeros(1, 1, HEIGHT, WIDTH, dtype=torch.bool)
    mask[..., 16:48, 64:112] = True
    first, _ = revideo.read_video(source, count=1)
    model = revideo.load("tiny", device="cpu")
    model.edit(source, revideo.Edit(1 - first[0], None, mask), SamplerOptions(steps=1), output=result)
    assert probe(result, rate is not None) == probe(source, rate is not None)
    before, after = (revideo.read_video(path)[0] for path in (source, result))
    assert (before - after)[..., :48].abs().max() < 0.03  # what the codec takes
    assert (before - after)[..., 24:40, 80:96].abs().mean() > 0.05
