"""`revideo propagate`: one edited frame, given to all frames of a clip."""
