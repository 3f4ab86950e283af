"""Door 2: the shop window, and the screens of staff."""
