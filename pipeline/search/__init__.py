"""Find scenes in STAC catalogues and APIs, and write them down as a plan."""
