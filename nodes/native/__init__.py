"""The native route: ReVideo's ControlNet under ComfyUI's own Stable Video Diffusion, samplers and memory management.

Made of the library's ControlNet and of a checkpoint's other networks as ComfyUI's MODEL, CLIP_VISION and VAE.
"""
