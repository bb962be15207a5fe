"""Trajectories in a graph: from text and other programs, followed in the clip, made of others, drawn."""
