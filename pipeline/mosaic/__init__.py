"""Join maps on one grid, and draw one coastline through all of them."""
