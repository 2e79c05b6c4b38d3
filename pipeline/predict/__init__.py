"""Run a network over a scene, row of tiles by row of tiles, without a seam."""
