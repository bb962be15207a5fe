"""`ReVideo.edit`, the one verb: a video of any length edited from any of its frames.

Made of the windows that `pipeline` samples, of what each hands over to the next, and of the source's own pixels
outside the mask.
"""
