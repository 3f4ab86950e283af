"""Which service answers which address: the routes file, the table made of it, and its renewal."""
