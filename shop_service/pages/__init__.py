"""Door 2: the shop as pages."""
