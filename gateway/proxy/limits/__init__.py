"""How often one may ask: policies, their counting in memory or in Redis, and what clients see."""
