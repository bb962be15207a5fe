"""Clips and edits whose one right answer is known, and how far a result is from it.

Made of sprites on textured ground, from a seed alone: for the built-in model, its training and all measuring.
"""
