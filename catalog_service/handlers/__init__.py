"""What the catalog does when something happens elsewhere."""
