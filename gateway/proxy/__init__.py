"""The data plane: a request comes in, is judged, rebuilt and passed on; the answer streams back."""
