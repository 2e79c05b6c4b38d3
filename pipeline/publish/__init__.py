"""Bring results to folders and stores, whole or not at all."""
