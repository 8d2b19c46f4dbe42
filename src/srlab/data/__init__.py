"""Data: from image files to batches and pairs."""
