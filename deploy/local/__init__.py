"""The whole shop on one machine, as separate processes, with one command."""
