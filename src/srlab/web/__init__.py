"""`srlab web`: a page on which a visitor enlarges a photo. One process serves it, and another one computes."""
