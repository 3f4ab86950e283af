"""Every service's OpenAPI document is valid, and promises errors as problem documents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from deploy.contracts import ROOT, SERVICES


def document_of(service: str) -> dict[str, object]:
    path: Path = ROOT / "docs" / "reference" / "openapi" / f"{service}.json"
    found: dict[str, object] = json.loads(path.read_text())
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_the_document_is_valid_openapi_3_1(service: str) -> None:
    document = document_of(service)

    validate(document)

    assert str(document["openapi"]).startswith("3.1")


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_has_a_summary_and_a_name_of_its_own(service: str) -> None:
    paths = document_of(service)["paths"]
    assert isinstance(paths, dict)
    operations = [each for path in paths.values() for each in path.values()]

    names = [each["operationId"] for each in operations]

    assert len(names) == len(set(names))
    assert all(each.get("summary") for each in operations)
