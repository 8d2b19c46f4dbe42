"""Tables and figures over methods, sets and scales."""
