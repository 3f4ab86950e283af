"""The outer edge: client connections, from bytes to requests and back."""
