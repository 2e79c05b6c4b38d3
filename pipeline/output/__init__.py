"""Files that users open: rasters, vectors, styles, figures."""
