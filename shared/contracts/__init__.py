"""What events promise: their schemas, who can read whom, and which changes break a promise."""
