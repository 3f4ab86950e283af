"""The platform of the system tests, for breaking."""

from __future__ import annotations

from tests.system.conftest import a_product, platform, shopper, staff

__all__ = ["a_product", "platform", "shopper", "staff"]
