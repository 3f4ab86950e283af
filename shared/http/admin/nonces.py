"""The panel's templates, made fit for a strict content policy.

They come with inline scripts and two inline handlers. A nonce goes on the scripts, and the
handlers become marks that our admin.js listens to. This changes the source of the templates, never
what was rendered, so nothing a user typed can get a nonce.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from jinja2 import BaseLoader, Environment

SCRIPT = re.compile(r"<script(?=[\s>])(?![^>]*\bnonce=)")
NONCE = '<script nonce="{{ request.state.csp_nonce }}"'
HANDLERS = {
    'onclick="applyColumnVisibility()"': 'data-press="applyColumnVisibility"',
    'onchange="window.location = this.value"': "data-go-to-value",
}


class WithNonces(BaseLoader):
    """Passes every template of another loader through the two changes."""

    def __init__(self, inner: BaseLoader) -> None:
        self._inner = inner

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """The template's source, changed."""
        source, name, fresh = self._inner.get_source(environment, template)
        source = SCRIPT.sub(NONCE, source)
        for handler, mark in HANDLERS.items():
            source = source.replace(handler, mark)
        return source, name, fresh
