"""What a request asks for: the four forms of a request target, RFC 9112, section 3.2."""

from __future__ import annotations

from gateway.proxy.edge.guard import LONGEST_TARGET, is_host
from gateway.refusals import CLOSE, Refused, bad_request

EVERYTHING = b"*"  # the server as a whole


def read_target(target: bytes, method: str, host: bytes, scheme: str) -> tuple[bytes, bytes]:
    """The path and the query, as sent; `*` for the server as a whole. Raises Refused.

    `host` is the Host field. An absolute target must name the same host (RFC 9112, section 3.2.2,
    lets the target win; two names for one request are refused here) and the scheme in use.
    """
    if len(target) > LONGEST_TARGET:
        raise Refused(
            414,
            "address-too-long",
            "This address is too long.",
            headers=CLOSE,
        )
    if not target.startswith(b"/"):
        if target == b"*" and method == "OPTIONS":
            return EVERYTHING, b""
        target = _origin_form(target, host, scheme)
    if b"#" in target:
        # RFC 9110, section 7.1: a fragment is never sent.
        raise bad_request("bad-target", "An address may have no fragment here.")
    path, _, query = target.partition(b"?")
    return path, query


def _origin_form(target: bytes, host: bytes, scheme: str) -> bytes:
    """What is left of an absolute target once we know that it means us."""
    theirs, found, rest = target.partition(b"://")
    if not found or theirs.lower() != scheme.encode():
        # Also the authority form: RFC 9110, section 9.3.6, we are no tunnel to elsewhere.
        raise bad_request("bad-target", "This is not an address of this site.")
    end = min(at for at in (rest.find(b"/"), rest.find(b"?"), len(rest)) if at >= 0)
    authority = rest[:end]
    if not is_host(authority) or authority.lower() != host.lower():
        raise bad_request("bad-target", "The address and the Host header name different sites.")
    return rest[end:] if rest[end : end + 1] == b"/" else b"/" + rest[end:]
