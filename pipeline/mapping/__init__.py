"""Map one scene: rasters, lines, preview and item."""
