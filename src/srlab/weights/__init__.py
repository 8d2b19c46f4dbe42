"""Files of weights: reading, naming, recognising and converting them."""
