"""The AsyncAPI documents hold together: every reference leads somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deploy.contracts import services
from shared.asyncapi import describe

REFERENCE = re.compile(r'"\$ref": "(#[^"]+)"')


def test_every_reference_in_an_asyncapi_document_leads_somewhere(tmp_path: Path) -> None:
    lost = []
    for service in services(tmp_path):
        document = describe(service)
        for reference in set(REFERENCE.findall(json.dumps(document))):
            found = document
            for step in reference[2:].split("/"):
                found = found.get(step, {})
            if not found:
                lost.append(f"{service.name}: {reference}")
        service.close()

    assert lost == []


@pytest.mark.parametrize("action", ["send", "receive"])
def test_every_operation_names_a_channel_of_the_document(tmp_path: Path, action: str) -> None:
    for service in services(tmp_path):
        document = describe(service)
        named = [each for each in document["operations"].values() if each["action"] == action]
        service.close()

        assert all(each["channel"]["$ref"][11:] in document["channels"] for each in named)
