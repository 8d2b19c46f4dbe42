"""Sweeps: planning their jobs, and the report on them."""
