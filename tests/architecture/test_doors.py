"""Doors translate, use-cases act, the domain decides, the edge commits."""

from __future__ import annotations

import ast

from tests.architecture.exceptions import MAY_BE_ASYNC, MAY_COMMIT, SPEAKS_OF_BUSINESS
from tests.architecture.house import (
    SERVICES,
    calls,
    functions,
    imports,
    nobody,
    own_code,
    sources,
    tree,
)

ENDS_A_TRANSACTION = {"commit", "rollback", "begin_nested"}
BUSINESS = {
    "product", "products", "order", "orders", "cart", "carts", "price", "prices", "stock", "sku",
    "category", "categories", "payment", "payments", "shipment", "shipping", "customer", "shopper",
    "coupon", "refund", "checkout", "catalog", "shop", "invoice",
}  # fmt: skip


def test_application_code_never_commits() -> None:
    nobody(
        (
            f"{path}:{call.lineno} {name}()"
            for path in own_code()
            if path not in MAY_COMMIT and not path.startswith("shared/bus/embedded/")
            for name, call in calls(path)
            if name in ENDS_A_TRANSACTION
        ),
        "One request, one message, one command is one transaction, ended at the edge.",
    )


def test_services_are_synchronous() -> None:
    nobody(
        (
            f"{path}:{one.lineno} {one.name}"
            for path in sources(*SERVICES)
            for one in functions(path)
            if isinstance(one, ast.AsyncFunctionDef) and path not in MAY_BE_ASYNC
        ),
        "One colour of function: only the gateway and the HTTP floor are async.",
    )


def test_nobody_but_the_http_floor_speaks_in_status_codes() -> None:
    nobody(
        (
            f"{path}:{line}"
            for path in sources(*SERVICES)
            for name, line in imports(path)
            if name.endswith(("HTTPException", "werkzeug.exceptions.NotFound", "flask.abort"))
        ),
        "A refusal has a kind; shared/http turns the kind into a status, once.",
    )


def test_shared_knows_no_business_word() -> None:
    nobody(
        (
            f"{path}:{line} {name}"
            for path in sources("shared")
            for name, line in _public_names(path)
            if BUSINESS & set(_words(name)) and f"{path}:{name}" not in SPEAKS_OF_BUSINESS
        ),
        "The floor carries every service, so it has no words of one of them (money excepted).",
    )


def _public_names(path: str) -> list[tuple[str, int]]:
    named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = [(one.name, one.lineno) for one in ast.walk(tree(path)) if isinstance(one, named)]
    targets = [one for one in ast.walk(tree(path)) if isinstance(one, ast.Assign | ast.AnnAssign)]
    for one in targets:
        assigned = one.targets if isinstance(one, ast.Assign) else [one.target]
        names += [(each.id, one.lineno) for each in assigned if isinstance(each, ast.Name)]
    return [(name, line) for name, line in names if not name.startswith("_")]


def _words(name: str) -> list[str]:
    spaced = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return (name.lower() if name.isupper() else spaced).split("_")
