"""What the catalog can do: one function each, an imperative."""
