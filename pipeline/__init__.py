"""The work: map a scene, trace its coastline, export it, evaluate it, record where it came from."""
