"""srlab: a workbench for single-image super-resolution."""

__version__ = "0.2.0.dev0"
