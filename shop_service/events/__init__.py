"""What the shop says and hears."""
