"""What keeps the platform standing when a part of it falls: deadlines, retries, breakers."""
