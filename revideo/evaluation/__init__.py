"""Metrics of a result, of all pixels or of those in a mask, with charts and comparisons of them.

Made of a result, its source and what was asked for; it needs no ReVideo model.
"""
