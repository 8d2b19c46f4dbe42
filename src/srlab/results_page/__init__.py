"""A page of results as one HTML file: tables, figures, and a viewer of the images; it asks no server for anything."""

from srlab.results_page.page import write_page

__all__ = ["write_page"]
