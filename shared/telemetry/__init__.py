"""How others see how a process is doing: figures, health, traces."""
