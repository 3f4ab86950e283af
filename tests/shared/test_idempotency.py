"""Keys of repeated requests, when what was kept for them is thrown away."""

from __future__ import annotations

from sqlalchemy import delete

from shared.idempotency import Answer, KeyedRequest, claim, keep
from shared.service import Service
from shared.testing import after_the_first, crossing
from tests.shared.conftest import KeyRow

REQUEST = KeyedRequest("somebody", "a key", "what it says")


@crossing
def test_a_key_that_is_forgotten_while_it_is_asked_for_is_new(service: Service) -> None:
    with service.transactions.begin() as work:
        claim(work.session, KeyRow, REQUEST)
        keep(work.session, KeyRow, REQUEST, Answer(201, "{}"))

    def clean_up() -> None:
        with service.transactions.begin() as work:
            work.session.execute(delete(KeyRow))

    with (
        after_the_first(service, "INSERT INTO idempotency_keys", clean_up),
        service.transactions.begin() as work,
    ):
        first = claim(work.session, KeyRow, REQUEST)
    with service.transactions.begin() as work:
        second = claim(work.session, KeyRow, REQUEST)

    assert (first, second) == (None, Answer(0, "", replayed=True))
