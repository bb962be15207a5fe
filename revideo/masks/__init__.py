"""Masks (T, 1, H, W), found in a video: what lies under a click or a mask, followed through it, grown and softened."""
