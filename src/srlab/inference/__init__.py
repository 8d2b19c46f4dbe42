"""From a low-resolution image to a high-resolution one: colours, tiles and the self-ensemble around a network."""
