"""Door 3: what the shop does when it hears something."""
