"""Where a run logs: metrics.csv, TensorBoard, W&B."""
