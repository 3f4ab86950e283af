"""The operators' page of the bus: what every service tells, side by side, and one order's path."""
