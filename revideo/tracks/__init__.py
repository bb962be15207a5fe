"""Trajectories: read from tracks of other tools, tracked in a video, changed, chosen.

Made from text, from drawn paths or from frames; `(N, T, 2)` x, y in pixels, and what is visible.
"""
