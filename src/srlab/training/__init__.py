"""A run: its folder, devices, ranks, checkpoints, progress and loggers."""
