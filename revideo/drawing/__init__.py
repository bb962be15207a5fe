"""What a person drew: the text of an edit document → paths and regions → trajectories and masks for a clip."""
