"""What auth can do: verbs."""
