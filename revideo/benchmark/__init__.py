"""Editing methods compared: each makes every clip's edit, all are measured, people vote blind, tables say how it went.

Made of a manifest; who can make an edit is handed in, so that methods of ours and results of others are one thing.
"""
