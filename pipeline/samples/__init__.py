"""Samples to train and to measure on, real and simulated, and their variations."""
