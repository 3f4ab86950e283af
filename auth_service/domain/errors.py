"""What auth refuses, and how it says so.

Conflict         EmailTaken · GroupExists · LastSuperuser
Forbidden        BeyondYourReach · ForgedRequest · StaffOnly
Invalid          EmailUnusable · NameUnusable · PasswordUnusable · WrongPassword
                 NewcomerRefused · GroupUnknown · PermissionUnknown
NotFound         UserNotFound · SessionNotFound
TooMany          TooManyTries
Unauthenticated  SignInRefused · RefreshRefused · SessionEnded
Unavailable      HasherBusy · KeysUnreadable
"""

from __future__ import annotations

from shared.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
)


class EmailTaken(Conflict):
    """There is an account with this address already."""

    def __init__(self) -> None:
        text = "There is already an account with this e-mail address."
        super().__init__(text, fields={"email": f"{text} Sign in instead."})


class EmailUnusable(Invalid):
    """This is no e-mail address."""

    def __init__(self) -> None:
        text = "Enter an e-mail address like name@example.com."
        super().__init__(text, fields={"email": text})


class NameUnusable(Invalid):
    """This is no name that we could show or print."""

    def __init__(self, text: str) -> None:
        super().__init__(text, fields={"name": text})


class PasswordUnusable(Invalid):
    """This password would not keep anybody out."""

    def __init__(self, text: str) -> None:
        super().__init__(text, fields={"password": text})


class NewcomerRefused(Invalid):
    """Several things in a registration are not right yet."""


class WrongPassword(Invalid):
    """The present password, asked for once more, was not this one."""

    def __init__(self) -> None:
        text = "That is not your present password."
        super().__init__(text, fields={"current": text})


class SignInRefused(Unauthenticated):
    """No such address, another password, or an account that is closed: we never say which."""

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is not right.")


class RefreshRefused(Unauthenticated):
    """The refresh token is unknown, spent or expired, or its session has ended."""

    def __init__(self) -> None:
        super().__init__("The refresh token is expired or not valid. Sign in again.")


class SessionEnded(Unauthenticated):
    """The token is well signed, but the session it belongs to is over."""

    def __init__(self) -> None:
        super().__init__("This session has ended. Sign in again.")


class TooManyTries(TooMany):
    """Too many wrong tries from this address; the wait doubles with each more."""

    def __init__(self, seconds: int) -> None:
        wait = f"{seconds} seconds" if seconds < 120 else f"{-(-seconds // 60)} minutes"
        super().__init__(f"Too many tries. Wait {wait}, then try again.", retry_after=seconds)


class ForgedRequest(Forbidden):
    """A change asked for by another site, or by nobody we can tell."""

    def __init__(self) -> None:
        super().__init__(
            "Changes made with a session cookie need the header X-CSRF-Token, or a browser that "
            "says they come from this site."
        )


class StaffOnly(Forbidden):
    """This is for people who work here."""

    def __init__(self) -> None:
        super().__init__("This part of the site is for staff.")


class BeyondYourReach(Forbidden):
    """Nobody can give away, or take away, more than they hold themselves."""


class UserNotFound(NotFound):
    """There is no such user."""

    def __init__(self) -> None:
        super().__init__("There is no such user.")


class SessionNotFound(NotFound):
    """There is no such session, or it is somebody else's."""

    def __init__(self) -> None:
        super().__init__("There is no such session.")


class GroupUnknown(Invalid):
    """A named group does not exist."""

    def __init__(self, names: list[str]) -> None:
        text = f"There is no group named {', '.join(names)}."
        super().__init__(text, fields={"groups": text})


class GroupExists(Conflict):
    """Two groups cannot have one name."""

    def __init__(self, name: str) -> None:
        text = f"There is already a group named {name}."
        super().__init__(text, fields={"name": text})


class PermissionUnknown(Invalid):
    """No service has announced this permission."""

    def __init__(self, names: list[str]) -> None:
        text = f"No service knows the permission {', '.join(names)}."
        super().__init__(text, fields={"permissions": text})


class LastSuperuser(Conflict):
    """Somebody must be left who can repair things."""

    def __init__(self) -> None:
        super().__init__("This is the last active superuser. Name another one first.")


class HasherBusy(Unavailable):
    """More people want in at once than we can check passwords for."""

    def __init__(self) -> None:
        super().__init__("Many people are signing in right now. Try again in a moment.")


class KeysUnreadable(Unavailable):
    """The stored signing key was sealed with another secret key."""

    def __init__(self) -> None:
        super().__init__(
            "The signing key cannot be opened: AUTH_SECRET_KEY has changed. Put the old value "
            "back, or run `python -m auth_service rotate-keys` to make new keys.",
            retry_after=60,
        )
