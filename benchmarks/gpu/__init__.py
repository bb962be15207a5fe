"""`nox -s gpu`: what a graphics card computes, how fast, and in how much memory; `python -m benchmarks.gpu` does it."""
