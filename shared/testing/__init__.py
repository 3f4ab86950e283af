"""What tests of a service need: a real database each, tokens, a recorded clock, what was said.

`QUINTET_TEST_STACK=real` runs the same tests on PostgreSQL instead of SQLite.
"""

from shared.testing.access import bearer, client_of, public_keys, signing_key, token_for
from shared.testing.clocks import RecordedClock, recorded_clock
from shared.testing.databases import ADMIN_URL, STACK, Databases, databases_of, need_postgresql
from shared.testing.hearing import failed, pass_on, said, sent, sent_by, tell, trial

__all__ = [
    "ADMIN_URL",
    "STACK",
    "Databases",
    "RecordedClock",
    "bearer",
    "client_of",
    "databases_of",
    "failed",
    "need_postgresql",
    "pass_on",
    "public_keys",
    "recorded_clock",
    "said",
    "sent",
    "sent_by",
    "signing_key",
    "tell",
    "token_for",
    "trial",
]
