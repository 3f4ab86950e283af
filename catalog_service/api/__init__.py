"""Door 1: the catalogue as JSON."""
