"""Labelled pixels to train on: SWED, folders of scenes, hand-labelled crops."""
