"""Pictures for people: frames with paths and masks drawn on, labelled sheets, the fusion module's weights.

Made of frames `(T, 3, H, W)`, trajectories and masks; picture files too.
"""
