"""Map many scenes, and go on where a run was stopped."""
