"""What keeps a service from working."""

from __future__ import annotations

from shared.service import Service


def problems_of(service: Service) -> dict[str, str]:
    """By part, in words; empty when the service is ready."""
    found = {} if service.database.answers() else {"database": "cannot be reached"}
    for name, check in service.checks.items():
        said = check()
        if said:
            found[name] = said
    return found
