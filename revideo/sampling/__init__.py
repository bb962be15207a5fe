"""Latents from noise: noise levels, guidance and solvers over `denoise(x, sigma)`, and what constrains it.

Made of the networks of `models` and of conditions; of one window, in whatever memory there is.
"""
