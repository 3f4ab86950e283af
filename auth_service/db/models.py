"""The tables of auth."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, MetaData, String, Table, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from shared.database import NAMING, UtcTime
from shared.idempotency import KeyMixin
from shared.ids import new_id
from shared.inbox import InboxMixin, ParkedMixin
from shared.outbox import OutboxMixin
from shared.service import Tables


class Base(DeclarativeBase):
    """auth's own registry of tables."""

    metadata = MetaData(naming_convention=NAMING)


def _link(name: str, left: str, right: str) -> Table:
    """A table of pairs; either end takes the pair with it when it goes."""
    return Table(
        name,
        Base.metadata,
        *(
            Column(
                f"{end.split('.')[0][:-1]}_{end.split('.')[1]}",
                ForeignKey(end, ondelete="CASCADE"),
                primary_key=True,
            )
            for end in (left, right)
        ),
    )


user_groups = _link("user_groups", "users.id", "groups.id")
user_permissions = _link("user_permissions", "users.id", "permissions.name")
group_permissions = _link("group_permissions", "groups.id", "permissions.name")


class Permission(Base):
    """Something that a service lets only some people do, as that service announced it."""

    __tablename__ = "permissions"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    service: Mapped[str] = mapped_column(String(40), index=True)
    description: Mapped[str] = mapped_column(String(200))


class Group(Base):
    """People who may do the same."""

    __tablename__ = "groups"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    version: Mapped[int] = mapped_column(default=1)
    permissions: Mapped[list[Permission]] = relationship(
        secondary=group_permissions, order_by=Permission.name
    )


class User(Base):
    """A person with an account. `email` is stored in the one form of `domain.people`."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    password_hash: Mapped[str] = mapped_column(String(200))
    is_active: Mapped[bool] = mapped_column(default=True)
    is_staff: Mapped[bool] = mapped_column(default=False)
    is_superuser: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UtcTime)
    groups: Mapped[list[Group]] = relationship(secondary=user_groups, order_by=Group.name)
    permissions: Mapped[list[Permission]] = relationship(
        secondary=user_permissions, order_by=Permission.name
    )


class UserSession(Base):
    """One sign-in: in a browser (which holds the key whose digest is here) or of an API client."""

    __tablename__ = "sessions"
    __table_args__ = (Index("ix_sessions_user_open", "user_id", "ended_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    key_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    user_agent: Mapped[str] = mapped_column(String(300), default="")
    ip: Mapped[str] = mapped_column(String(45), default="")
    user: Mapped[User] = relationship()


class EndedSession(Base):
    """That a session ended before its time, remembered while a token of it may live.

    Unlike the session it says nothing about whom, so that it may outlast an erased account.
    """

    __tablename__ = "ended_sessions"
    __table_args__ = (Index("ix_ended_sessions_ended_at", "ended_at", "session_id"),)

    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    ended_at: Mapped[datetime] = mapped_column(UtcTime)


class RefreshToken(Base):
    """One refresh token, by its digest. The one that follows it can be derived, so is not kept."""

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[UUID] = mapped_column(
        ForeignKey("sessions.id", ondelete="CASCADE"), index=True
    )
    successor_hash: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    consumed_at: Mapped[datetime | None] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)


_IN_USE = text("state IN ('active', 'next')")


class SigningKey(Base):
    """A key that signs tokens. `sealed` is its private half, encrypted with the secret key."""

    __tablename__ = "signing_keys"
    __table_args__ = (
        # One active and one next, however many processes start at once.
        Index(
            "uq_signing_keys_in_use",
            "state",
            unique=True,
            sqlite_where=_IN_USE,
            postgresql_where=_IN_USE,
        ),
    )

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(10))
    public: Mapped[str] = mapped_column(Text)
    sealed: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcTime)


class FailedTries(Base):
    """How often something went wrong at one gate; see `domain.throttling`."""

    __tablename__ = "failed_tries"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(UtcTime, index=True)


class OutboxRow(OutboxMixin, Base):
    """What auth says."""


class InboxRow(InboxMixin, Base):
    """What auth heard."""


class ParkedRow(ParkedMixin, Base):
    """What auth heard and could not do yet."""


class KeyRow(KeyMixin, Base):
    """Keys of repeated requests."""


TABLES = Tables(Base.metadata, OutboxRow, InboxRow, ParkedRow, KeyRow)
