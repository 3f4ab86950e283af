"""Door 3: what auth does when it hears something."""
