"""MagicProp: the appearance of one edited frame given to all frames of a clip, one after the other, along its depth."""
