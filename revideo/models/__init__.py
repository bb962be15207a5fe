"""The four networks of ReVideo, from a ModelConfig: UNet, ControlNet, autoencoder, image encoder.

They take tensors of conditions and latents; weights come from `checkpoints`.
"""
