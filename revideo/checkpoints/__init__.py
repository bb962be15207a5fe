"""Checkpoint files in every form they come in ↔ weights under our names, for the networks of `models`."""
