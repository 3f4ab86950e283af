"""The gateway makes one valid document of what our services really say."""

from __future__ import annotations

import json
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.api.contracts import merge_openapi

FOLDER = Path(__file__).parents[2] / "docs" / "reference" / "openapi"
SINCE = "2026-11-21T08:00:00Z"


def test_what_our_services_say_becomes_one_valid_document() -> None:
    names = ("auth", "catalog", "shop")
    said = {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in names}

    document = merge_openapi(said, away={"shop": SINCE}, public_url="/")

    OpenAPIV31SpecValidator(document).validate()
    assert not [path for path in document["paths"] if "/internal" in path]
    assert document["paths"]["/api/shop/v1/cart"]["get"]["x-stale"] == SINCE
    assert sum(len(each["paths"]) for each in said.values()) == len(document["paths"])
