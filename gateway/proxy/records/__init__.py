"""What we note of every request."""
