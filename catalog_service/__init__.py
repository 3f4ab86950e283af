"""The catalog service: what we sell and how many are left."""
