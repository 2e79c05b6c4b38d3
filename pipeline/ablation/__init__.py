"""What each part of a network is worth: train it with and without, and compare."""
