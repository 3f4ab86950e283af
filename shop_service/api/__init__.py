"""Door 1: the shop as JSON."""
