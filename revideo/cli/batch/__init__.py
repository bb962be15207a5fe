"""`revideo batch`: a file of edits, one a line, made by several workers on one machine or many."""
