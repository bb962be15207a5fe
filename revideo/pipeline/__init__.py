"""One window sampled and decoded in the memory there is: the networks together, where they run, what that needs.

Made of networks that `checkpoints` loads, of conditions and of the solvers of `sampling`.
"""
