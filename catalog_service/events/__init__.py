"""The wire: what we tell others and what we hear."""
