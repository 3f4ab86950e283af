"""Whether a caller may call an operation at all, as the contract of its service has it.

Refusing here spares the service the work and shows no more than it would. The service decides
all the same (ASVS 8.3.1): what its contract does not know passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import unquote_to_bytes

from gateway.proxy.flight import Flight
from gateway.proxy.identity.caller import Caller
from gateway.proxy.identity.challenges import permission_missing, scope_missing, sign_in_needed
from gateway.proxy.identity.requirements import Contract, Requirement
from gateway.refusals import Refused, identity_unavailable

Sample = tuple[str, str, str, dict[str, str], float]

API = b"/api/"


class Authoriser:
    """Refuses callers early. `contracts` are by service, and may change at any time.

    `current` says whether we surely know who was sent away lately. While we do not, nobody may do
    what takes a permission, by whatever route: that is what admins do.
    """

    def __init__(
        self, contracts: Mapping[str, Contract], current: Callable[[], bool] = lambda: True
    ) -> None:
        self._contracts = contracts
        self._current = current
        self.refused: dict[str, int] = {}

    def check(self, flight: Flight) -> None:
        """Refuse with 401 or 403 (RFC 6750, section 3.1) who may not call this operation.

        Without any contract admin routes are closed: nobody could say who may pass.
        """
        path = flight.head.path
        if not path.startswith(API) and not _is_api_in_disguise(path):
            return
        contract = self._contracts.get(flight.route.service)
        if contract is None:
            if flight.route.admin:
                raise identity_unavailable()
            return
        needed = contract.needs(flight.head.method, path)
        if needed is not None:
            self._check(flight.caller, needed)

    def _check(self, caller: Caller, needed: Requirement) -> None:
        if caller.kind == "nobody":
            raise self._counted(sign_in_needed())
        if needed.scopes and not any(each <= caller.scopes for each in needed.scopes):
            raise self._counted(scope_missing(needed.scopes[0]))
        for permission in needed.permissions:
            if not caller.may(permission):
                raise self._counted(permission_missing(permission))
        if needed.permissions and not self._current():
            raise self._counted(identity_unavailable())

    def _counted(self, refused: Refused) -> Refused:
        self.refused[refused.code] = self.refused.get(refused.code, 0) + 1
        return refused

    def samples(self) -> Iterator[Sample]:
        """Our figures: name, kind, help, labels, value."""
        text = "Calls refused by contract."
        for reason, count in sorted(self.refused.items()):
            yield "unauthorised_total", "counter", text, {"reason": reason}, float(count)


def _is_api_in_disguise(path: bytes) -> bool:
    """Whether escapes hide what the service will see: `/%61pi` is `/api` (RFC 3986, 6.2.2.2)."""
    return b"%" in path and unquote_to_bytes(path).startswith(API)
