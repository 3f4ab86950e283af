"""What components are called in the merged document: the service, then the shortest clear name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def own_name(service: str, name: str) -> str:
    """A component's name with its service in front."""
    return f"{service.capitalize()}{name}"


def public_names(service: str, names: Iterable[str]) -> dict[str, str]:
    """How the components of a service are called in public; no two of them alike.

    Pydantic writes out the module where two classes have one name, and a class in a generic one
    with underscores: `gateway__views__home__Product` and `Page_Order_` become `HomeProduct` and
    `OrderPage`. A name that would meet another stays as it was.
    """
    short = {name: _shortened(name) for name in names}
    often = Counter([*short.values(), *short])  # a short name meets itself where it was short

    def chosen(name: str) -> str:
        new = short[name]
        return new if new == name or often[new] == 1 else name

    return {name: own_name(service, chosen(name)) for name in short}


def _shortened(name: str) -> str:
    *modules, noun = name.split("__")
    if modules:
        return _joined(modules[-1]) + noun
    if name.endswith("_"):
        whole, *parts = name[:-1].split("_")
        return "".join(parts) + whole
    return name


def _joined(module: str) -> str:
    return "".join(word.capitalize() for word in module.split("_"))
