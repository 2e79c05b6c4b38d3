"""Decode and resample the pixels of a scene, window by window."""
