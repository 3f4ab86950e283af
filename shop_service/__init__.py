"""The shop: carts, orders and payments."""
