"""Many clients and large bodies: what they cost the gateway in memory, and others in patience."""
