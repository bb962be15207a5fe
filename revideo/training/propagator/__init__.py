"""Training of MagicProp's propagator: its examples, its loss, what it begins as. The loop is that of all models."""
