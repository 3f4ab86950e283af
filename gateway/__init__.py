"""The only public entrance: routes, guards, tells services who is asking, shows one API."""
