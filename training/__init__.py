"""Trains the models that Flipbook ships; never part of the wheel."""
