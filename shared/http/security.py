"""What we tell browsers they may do with our pages: nothing that did not come from us."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

CONTENT_POLICY: Mapping[str, tuple[str, ...]] = {
    "default-src": ("'self'",),
    "img-src": ("'self'", "data:"),
    "style-src": ("'self'",),
    "script-src": ("'self'",),
    "object-src": ("'none'",),
    "form-action": ("'self'",),
    "frame-ancestors": ("'none'",),
    "base-uri": ("'none'",),
}

HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
A_YEAR = 31_536_000


def content_policy(
    *,
    nonce: str | None = None,
    also: Mapping[str, Iterable[str]] | None = None,
) -> str:
    """The Content-Security-Policy of a page; `also` adds sources to single directives."""
    directives = {name: list(sources) for name, sources in CONTENT_POLICY.items()}
    if nonce:
        directives["script-src"].append(f"'nonce-{nonce}'")
    for name, sources in (also or {}).items():
        directives.setdefault(name, []).extend(sources)
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())


def security_headers(*, https: bool) -> dict[str, str]:
    """The headers that go on every page, whatever it shows."""
    if not https:
        return dict(HEADERS)
    return {**HEADERS, "Strict-Transport-Security": f"max-age={A_YEAR}; includeSubDomains"}
