"""The inner edge: connections to the services."""
