"""How services answer over HTTP: JSON, pages, admin, and the calls they make themselves."""
