"""The outer edge: what is refused, what may pass, and how a request is rebuilt."""
