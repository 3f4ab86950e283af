"""The cookies that auth sets, as keywords of `set_cookie`, which both web frameworks share."""

from __future__ import annotations

from typing import Any

from auth_service.domain.policy import Policy
from shared.http import csrf


def session_cookie(policy: Policy, key: str) -> dict[str, Any]:
    """Let the browser keep a session key, out of reach of scripts and other sites."""
    life = int(policy.session_life.total_seconds())
    return _cookie(policy, policy.session_cookie, key) | {"max_age": life}


def no_session_cookie(policy: Policy) -> dict[str, Any]:
    """Let the browser forget it."""
    return _cookie(policy, policy.session_cookie, "") | {"max_age": 0, "expires": 0}


def csrf_cookie(policy: Policy, token: str) -> dict[str, Any]:
    """A new CSRF token: one from before the sign-in may be known to somebody else."""
    return _cookie(policy, csrf.cookie_name(policy.secure), token)


def _cookie(policy: Policy, name: str, value: str) -> dict[str, Any]:
    return {
        "key": name,
        "value": value,
        "path": "/",
        "secure": policy.secure,
        "httponly": True,
        "samesite": "lax",
    }
