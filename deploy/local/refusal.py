"""The one way in which the launcher says no."""


class CannotStart(Exception):
    """Something outside is missing or in the way; the text says what, and the way out."""
