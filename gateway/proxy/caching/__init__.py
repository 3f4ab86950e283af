"""The shared cache of the gateway, after RFC 9111; it hears the bus and forgets what changed."""
