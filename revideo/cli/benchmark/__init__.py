"""`revideo benchmark`: its options, and methods as the command line makes and reads their edits."""
