"""Metrics of edits from any frame: nothing is wrong with the truth, and a jump is seen where it is."""

import torch

from benchmarks.bidirectional import edit_of_frame, jump, other_frames_error
from revideo.synthetic.edits import make_edit


def test_the_right_answer_has_no_fault_whichever_frame_is_given():
    truth = make_edit(2, "both", frames=14, height=128, width=192)
    for frame in (0, 7, 13):
        edit = edit_of_frame(truth, frame)
        edit.check(14, 128, 192)
        assert torch.equal(edit.edited_frame, truth.target[frame])
        assert other_frames_error(truth, truth.target, frame) < 1


def test_a_jump_is_seen_where_it_is():
    video = torch.linspace(0, 0.5, 9).view(-1, 1, 1, 1).expand(-1, 3, 8, 8).clone()
    assert [round(jump(video, frame), 3) for frame in (0, 4, 8)] == [1, 1, 1]
    video[4:] += 0.2
    assert jump(video, 3) == jump(video, 4) > 4
    assert round(jump(video, 6), 3) == 1
