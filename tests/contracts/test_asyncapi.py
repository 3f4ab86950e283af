"""The AsyncAPI documents keep the rules of AsyncAPI 3.0.0, one by one and merged."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from gateway.api.event_contracts import merge_asyncapi
from shared.asyncapi import describe
from shared.service import Service
from tests.contracts.asyncapi_rules import DOCUMENT

Document = dict[str, Any]
REFERENCE = re.compile(r'"\$ref": "(#[^"]+)"')


@pytest.fixture(scope="module")
def merged(platform: list[Service]) -> Document:
    return merge_asyncapi({each.name: describe(each) for each in platform}, away={})


@pytest.fixture(scope="module")
def documents(platform: list[Service], merged: Document) -> dict[str, Document]:
    return {each.name: describe(each) for each in platform} | {"merged": merged}


def test_every_document_keeps_the_rules(documents: dict[str, Document]) -> None:
    broken = [
        f"{name}: {error.json_path}: {error.message}"
        for name, document in documents.items()
        for error in Draft202012Validator(DOCUMENT).iter_errors(document)
    ]

    assert broken == []


def test_the_rules_find_a_misspelt_field_and_a_wrong_binding(merged: Document) -> None:
    spoilt = json.loads(json.dumps(merged))
    channel = spoilt["channels"]["shop.order.placed.v1"]
    channel["sumary"] = "oops"
    channel["bindings"]["amqp"] = {"is": "routingKey", "queue": {"name": "quintet.shop"}}

    errors = {error.json_path for error in Draft202012Validator(DOCUMENT).iter_errors(spoilt)}

    assert len(errors) == 2


def test_every_reference_in_a_document_leads_somewhere(documents: dict[str, Document]) -> None:
    lost = [
        f"{name}: {reference}"
        for name, document in documents.items()
        for reference in set(REFERENCE.findall(json.dumps(document)))
        if not resolved(document, reference)
    ]

    assert lost == []


def test_the_messages_of_an_operation_belong_to_its_channel(documents: dict[str, Document]) -> None:
    for document in documents.values():
        for operation in document["operations"].values():
            channel = operation["channel"]["$ref"]
            for message in operation["messages"]:
                assert message["$ref"].startswith(f"{channel}/messages/")


def test_every_schema_is_one_for_json_schema_and_every_example_keeps_to_it(
    documents: dict[str, Document],
) -> None:
    for document in documents.values():
        for schema in document["components"]["schemas"].values():
            Draft7Validator.check_schema(schema)
        for channel in document["channels"].values():
            message = channel["messages"]["event"]
            validator = Draft202012Validator({**message["payload"], **document_parts(document)})
            for example in message["examples"]:
                validator.validate(example["payload"])


def test_a_channel_is_described_by_who_sends_it_whoever_is_asked_first(
    platform: list[Service],
) -> None:
    described = {each.name: describe(each) for each in platform}
    backwards = dict(reversed(described.items()))

    one, other = (merge_asyncapi(each, away={}) for each in (described, backwards))

    assert one["channels"] == other["channels"]
    assert one["components"] == other["components"]
    data = one["channels"]["catalog.price.changed.v1"]["messages"]["event"]["payload"]["allOf"][1]
    assert data["properties"]["data"]["$ref"] == "#/components/schemas/catalog.price.changed.v1"


def test_what_a_service_said_before_it_went_away_is_kept_and_marked(
    platform: list[Service],
) -> None:
    described = {each.name: describe(each) for each in platform}

    document = merge_asyncapi(described, away={"shop": "2026-11-21T08:00:00Z"})

    assert document["x-unavailable"] == ["shop"]
    stale = {name for name, each in document["operations"].items() if each.get("x-stale")}
    assert stale == {name for name in document["operations"] if name.startswith("shop.")}


def test_the_merged_document_says_who_hears_what(merged: Document) -> None:
    hears = {name for name in merged["operations"] if name.endswith("receive.auth.user.erased.v1")}

    assert hears == {"shop.receive.auth.user.erased.v1", "gateway.receive.auth.user.erased.v1"}


def resolved(document: Document, reference: str) -> Any:
    found: Any = document
    for step in reference[2:].split("/"):
        found = found.get(step, {})
    return found


def document_parts(document: Document) -> Document:
    return {"components": document["components"]}
