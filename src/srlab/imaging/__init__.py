"""Pixels: colour, resizing, cropping, flips and turns, image files."""
