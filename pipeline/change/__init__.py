"""Land gained and lost, and the shift of the shore, between two maps."""
