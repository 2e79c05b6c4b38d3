"""Pixels on a grid: bands, scenes and their readers, radiometry, masks, tiling, writers, the simulator."""
