"""The loggers of a run: metrics.csv, TensorBoard, W&B."""
