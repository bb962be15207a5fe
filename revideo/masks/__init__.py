"""Masks (T, 1, H, W), found in a video: what lies under one, followed through it."""
