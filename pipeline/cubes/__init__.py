"""Land, water and probability of xarray cubes, as lazily as the cube."""
