"""Door 1: JSON."""
