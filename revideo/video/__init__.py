"""Frames `(T, 3, H, W)` in [0, 1]: from files and arrays, fitted to a size, and written to files again."""
