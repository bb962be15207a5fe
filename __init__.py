"""ComfyUI's door to ReVideo. It stays light: nodes import the library, and diffusers, when they run."""

WEB_DIRECTORY = "./js"


async def comfy_entrypoint():
    """ComfyUI calls this once at start."""
    from .nodes import ReVideoExtension

    return ReVideoExtension()
