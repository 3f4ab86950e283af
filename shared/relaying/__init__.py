"""How events leave a service: what waits, what is in hand, and what becomes of it."""
