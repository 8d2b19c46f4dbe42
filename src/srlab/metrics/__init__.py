"""Measuring: protocols and quality."""
