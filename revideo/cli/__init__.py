"""The command line `revideo`: a module for each command, which reads its words, checks them, and calls the library.

What all commands share is in `common`, what editing and measuring read alike in `inputs`.
"""
