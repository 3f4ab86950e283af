"""Which passwords keep somebody out. Length and strength count; composition does not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from auth_service.domain.errors import PasswordUnusable

SHORTEST = 8
LONGEST = 128
JUDGED = 64  # zxcvbn slows down with the square of the length; more than this is strong anyway


def one_form(password: str) -> str:
    """The same password from every keyboard (NIST SP 800-63B §5.1.1.2: normalise, never cut)."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, *, email: str, name: str, least_score: int) -> None:
    """Raise PasswordUnusable, saying what would help, unless this password will do."""
    password = one_form(password)
    if len(password) < SHORTEST:
        raise PasswordUnusable(f"Use at least {SHORTEST} characters.")
    if len(password) > LONGEST:
        raise PasswordUnusable(f"Use at most {LONGEST} characters.")
    words = _words_about(email, name)
    if password.casefold() in words:
        raise PasswordUnusable("Your password must not be your name or e-mail address.")
    judged = _judge(password[:JUDGED], user_inputs=sorted(words))
    if judged["score"] < least_score:
        raise PasswordUnusable(_advice(judged["feedback"]))


def _judge(password: str, *, user_inputs: list[str]) -> dict[str, Any]:
    from zxcvbn import zxcvbn  # 12 MB of word lists: only where somebody chooses a password

    judge: Callable[..., dict[str, Any]] = zxcvbn  # it has no type hints
    return judge(password, user_inputs=user_inputs)


def _words_about(email: str, name: str) -> set[str]:
    local, _, domain = email.casefold().partition("@")
    whole = {email.casefold(), name.casefold(), name.casefold().replace(" ", ""), local, domain}
    return {word for word in whole | set(re.split(r"[\W_]+", f"{email} {name}".casefold())) if word}


def _advice(feedback: dict[str, Any]) -> str:
    warning = str(feedback.get("warning") or "").rstrip(".")
    reason = f": {warning[:1].lower()}{warning[1:]}" if warning else ""
    return (
        f"This password is easy to guess{reason}. Three or four unrelated words are strong and "
        "easy to remember."
    )
