"""How well an answer fits the truth: counts, boundary IoU, calibration."""
