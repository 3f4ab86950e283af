"""What the shop does when something happens in auth."""

from __future__ import annotations

from shared.handlers import Handlers
from shared.work import Work
from shop_service.events.consumed import UserErased
from shop_service.usecases.upkeep import forget_user


def user_handlers() -> Handlers:
    """How users leave."""
    handlers = Handlers()

    @handlers.on(UserErased)
    def forget_erased_user(work: Work, event: UserErased) -> None:
        """Keep the order, forget the person."""
        forget_user(work, event.user_id)

    return handlers
