"""Checkpoints from training, phase by phase.

Made of a TOML file and of clips, from video files or synthetic; the networks, conditions and noise are those that
editing runs.
"""
