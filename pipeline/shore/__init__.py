"""Where in its pixels a shore runs: the network says which shore, the pixels say where."""
