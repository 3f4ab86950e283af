"""The wire: what auth says and what it hears."""
