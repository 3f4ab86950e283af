"""The control plane: health, figures, and the API of all services on one page."""
