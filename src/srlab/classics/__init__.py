"""The algorithms of methods from before neural networks. `networks/` wraps each of them as a network."""
