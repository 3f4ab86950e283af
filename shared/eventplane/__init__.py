"""What an operator wants to know of one service's side of the bus, for commands, admin and API."""
