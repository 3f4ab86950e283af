"""The operators' side of the gateway: how it does, in words, figures and pictures; and steering."""
