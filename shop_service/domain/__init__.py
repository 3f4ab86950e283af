"""The rules of the shop; no input, no output."""
