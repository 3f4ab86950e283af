"""What the gateway hears."""
