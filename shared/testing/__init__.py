"""What tests of a service need: a real database each, tokens, a recorded clock, what was said.

`QUINTET_TEST_STACK=real` runs the same tests on PostgreSQL instead of SQLite.
"""

from shared.testing.access import bearer, client_of, public_keys, signing_key, token_for
from shared.testing.clocks import RecordedClock, recorded_clock
from shared.testing.databases import ADMIN_URL, STACK, Databases, databases_of, need_postgresql
from shared.testing.hearing import failed, pass_on, said, sent, sent_by, tell, trial
from shared.testing.interleaving import after_the_first, crossing

__all__ = [
    "ADMIN_URL",
    "STACK",
    "Databases",
    "RecordedClock",
    "after_the_first",
    "bearer",
    "client_of",
    "crossing",
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
