"""Views: what a page needs, put together from several services in one call.

A view asks, it never changes anything and decides nothing: each service sees the caller's own
token and judges for itself. docs/howto/compose-a-view.md shows how one is added.
"""
