"""Measure a model, or a map, against truth and beside water indices."""
