"""Third parties that the shop talks to."""
