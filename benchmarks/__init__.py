"""Programs that measure a model, a tracker, the engine or the editor and print what docs/benchmarks.md records."""
