"""Replicas and services that join and leave by saying so on the bus."""
