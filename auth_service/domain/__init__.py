"""Rules and values of identity. No I/O, no framework."""
