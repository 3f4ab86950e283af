"""Every knob of the shop."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The shop's own knobs, beside those that all services have."""

    name: ClassVar[str] = "shop"

    port: int = Field(8003, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    stock_minutes: float = Field(
        15, gt=0, description="How long an order waits for its goods before it is cancelled."
    )
    payment_seconds: float = Field(
        20, gt=0, description="How long a provider that does not answer is asked again."
    )
    payment_lease_seconds: float = Field(
        5, gt=0, description="After this, another process may ask the provider for the same order."
    )
    payment_threads: int = Field(4, ge=1, description="Calls to the provider at the same time.")
    guest_cart_days: int = Field(30, ge=1, description="How long an untouched guest cart is kept.")
    key_hours: int = Field(48, ge=1, description="How long answers to repeatable requests stay.")
