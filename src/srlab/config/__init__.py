"""Options: what there is, how it is composed and checked."""
