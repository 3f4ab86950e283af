"""Who is asking: cookies, tokens, and proof that our own pages asked."""
