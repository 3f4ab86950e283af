"""The rules of AsyncAPI 3.0.0 and its AMQP binding 0.3.0 for the parts that we use, in full.

Written after the specification: each object with all its fields, so that a misspelt one is found.
"""

from __future__ import annotations

from typing import Any

Rule = dict[str, Any]

TEXT: Rule = {"type": "string", "minLength": 1}
YES_OR_NO: Rule = {"type": "boolean"}
ANYTHING: Rule = {}


def obj(required: tuple[str, ...] = (), **fields: Rule) -> Rule:
    """An object with these fields, extensions (`x-…`) and no others."""
    return {
        "type": "object",
        "properties": {name.rstrip("_"): rule for name, rule in fields.items()},
        "required": list(required),
        "patternProperties": {r"^x-[\w.\-]+$": {}},
        "additionalProperties": False,
    }


def named(rule: Rule) -> Rule:
    """A map; the names are free."""
    return {"type": "object", "additionalProperties": rule}


def components(rule: Rule) -> Rule:
    """A map of components: the specification allows these letters in their names."""
    return {
        "type": "object",
        "patternProperties": {r"^[a-zA-Z0-9._\-]+$": rule},
        "additionalProperties": False,
    }


REFERENCE: Rule = {
    "type": "object",
    "properties": {"$ref": {"type": "string", "pattern": "^#/"}},
    "required": ["$ref"],
    "additionalProperties": False,
}
VERSION: Rule = {"const": "0.3.0"}
EXCHANGE = obj(
    name={"type": "string", "maxLength": 255},
    type={"enum": ["topic", "direct", "fanout", "default", "headers"]},
    durable=YES_OR_NO,
    autoDelete=YES_OR_NO,
    vhost=TEXT,
)
QUEUE = obj(
    name={"type": "string", "maxLength": 255},
    durable=YES_OR_NO,
    exclusive=YES_OR_NO,
    autoDelete=YES_OR_NO,
    vhost=TEXT,
)
AMQP_CHANNEL: Rule = {
    **obj(
        is_={"enum": ["queue", "routingKey"]},
        exchange=EXCHANGE,
        queue=QUEUE,
        bindingVersion=VERSION,
    ),
    "if": {"properties": {"is": {"const": "routingKey"}}, "required": ["is"]},
    "then": {"required": ["exchange"]},
    "else": {"required": ["queue"]},
}
AMQP_OPERATION = obj(
    expiration={"type": "integer", "minimum": 0},
    userId=TEXT,
    cc={"type": "array", "items": TEXT},
    priority={"type": "integer"},
    deliveryMode={"enum": [1, 2]},
    mandatory=YES_OR_NO,
    bcc={"type": "array", "items": TEXT},
    timestamp=YES_OR_NO,
    ack=YES_OR_NO,
    bindingVersion=VERSION,
)
AMQP_MESSAGE = obj(contentEncoding=TEXT, messageType=TEXT, bindingVersion=VERSION)
MESSAGE = obj(
    name=TEXT,
    title=TEXT,
    summary=TEXT,
    description=TEXT,
    contentType=TEXT,
    headers={"type": "object"},
    payload={"type": ["object", "boolean"]},
    correlationId=obj(
        ("location",),
        description=TEXT,
        location={"pattern": r"^\$message\.(header|payload)#(/.*)?$"},
    ),
    tags={"type": "array"},
    externalDocs={"type": "object"},
    bindings=obj(amqp=AMQP_MESSAGE),
    examples={
        "type": "array",
        "items": {
            **obj(name=TEXT, summary=TEXT, headers={"type": "object"}, payload=ANYTHING),
            "anyOf": [{"required": ["payload"]}, {"required": ["headers"]}],
        },
    },
    traits={"type": "array"},
)
CHANNEL = obj(
    address={"type": ["string", "null"]},
    title=TEXT,
    summary=TEXT,
    description=TEXT,
    messages=named(MESSAGE),
    parameters={"type": "object"},
    servers={"type": "array", "items": REFERENCE},
    tags={"type": "array"},
    externalDocs={"type": "object"},
    bindings=obj(amqp=AMQP_CHANNEL),
)
OPERATION = obj(
    ("action", "channel"),
    action={"enum": ["send", "receive"]},
    channel=REFERENCE,
    messages={"type": "array", "items": REFERENCE},
    title=TEXT,
    summary=TEXT,
    description=TEXT,
    reply={"type": "object"},
    security={"type": "array"},
    tags={"type": "array"},
    traits={"type": "array"},
    externalDocs={"type": "object"},
    bindings=obj(amqp=AMQP_OPERATION),
)
DOCUMENT = obj(
    ("asyncapi", "info"),
    asyncapi={"const": "3.0.0"},
    id={"type": "string", "format": "uri"},
    info=obj(("title", "version"), title=TEXT, version=TEXT, description=TEXT),
    servers={"type": "object"},
    defaultContentType=TEXT,
    channels=named(CHANNEL),
    operations=named(OPERATION),
    components=obj(schemas=components({"type": ["object", "boolean"]})),
)
