"""Measuring methods on sets at scales, and the tables and figures of the results."""
