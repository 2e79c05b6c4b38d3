"""Draw the shore between the pixels: contours, rings, lines and polygons."""
