"""The floor under every service: how we store, speak, listen and answer. No business words."""
