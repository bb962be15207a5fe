"""A film's shots become a batch that lacks only its masks."""

import torch

from revideo.cli.batch.lines import check_line, read_lines
from revideo.cli.main import main
from revideo.pictures.sheets import write_image
from revideo.synthetic.examples import example_edit
from revideo.video.io import read_image, read_video, write_video


def test_every_shot_has_its_first_frame_and_a_line_that_batch_takes_once_its_mask_is_there(tmp_path, capsys):
    shots = [example_edit("content").source, example_edit("motion").source.flip(-1) * 0.3]
    film = torch.cat([shots[0], shots[1][:5], shots[0].flip(-2)])
    write_video(tmp_path / "film.mp4", film, 8)
    words = ["shots", str(tmp_path / "film.mp4"), "--model", "tiny", "-o", str(tmp_path / "shots")]
    assert main(words) == 0
    assert "2 shots" in capsys.readouterr().out
    lines = read_lines(tmp_path / "shots/edits.jsonl", "cpu")
    assert [(line.arguments.start, line.arguments.frames) for line in lines] == [(0, 14), (19, 14)]
    decoded, _ = read_video(tmp_path / "film.mp4")
    for line in lines:
        assert torch.equal(read_image(line.arguments.edited_frame), decoded[line.arguments.start])
    assert main(["batch", str(tmp_path / "shots/edits.jsonl")]) == 2
    assert "shot-0001-mask.png" in capsys.readouterr().err
    mask = torch.zeros(3, 128, 128)
    mask[:, 32:96, 32:96] = 1
    for line in lines:
        write_image(line.arguments.mask, mask)
        check_line(line)
    assert main(words) == 2
    assert "name another folder" in capsys.readouterr().err


def test_a_film_of_short_shots_alone_is_refused(tmp_path, capsys):
    write_video(tmp_path / "film.mp4", torch.rand(1, 3, 64, 64).expand(5, -1, -1, -1), 8)
    assert main(["shots", str(tmp_path / "film.mp4"), "--model", "tiny", "-o", str(tmp_path / "shots")]) == 2
    assert "has no shot of 14 frames" in capsys.readouterr().err
    assert not (tmp_path / "shots").exists()
