"""Storage: rows, and what is asked of them."""
