"""What a request to Ably has to look like. Two judges: Ably's public OpenAPI description, where it speaks of what kably
sends (a message, a token request), and a schema of our own by Ably's specification for the rest, the batch (BSP2, TM2),
which the public description does not have."""

import json
import os
import re

import jsonschema
import pytest

import sdk

CACHE = os.environ.get("KABLY_CACHE", os.path.expanduser("~/.cache/kably"))
DESCRIPTION = os.path.join(CACHE, "openapi", "ably.json")

# Where the public description contradicts Ably's own specification, which kably follows: where, and what it demands.
DEPARTURES = {
    ("Message", "extras.push.data", "type"): "says text; it is an object of texts (docs push/publish)",
    ("SignedTokenRequest", "capability", "type"): "says object; it is JSON text (TK2b), for it is signed as text",
    ("SignedTokenRequest", "", "required"): "wants a capability; without one it is the key's own (RSA9f)",
}

SCALAR = {"type": ["string", "number", "boolean", "null"]}
TEXT = {"type": "string", "minLength": 1}
NOTIFICATION = {
    "type": "object",
    "required": ["title", "body"],
    "additionalProperties": False,
    "properties": {name: {} for name in ("title", "body", "icon", "sound", "collapseKey", "badge")},
}
PUSH = {
    "type": "object",
    "required": ["notification"],
    "additionalProperties": False,
    "properties": {
        "notification": NOTIFICATION,
        "data": {"type": "object"},
        "apns": {"type": "object"},
        "fcm": {"type": "object"},
        "web": {"type": "object"},
    },
}
EXTRAS = {  # TM2i; `kafka` is what the Kafka Connect sink has sent for years
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
    "properties": {
        "kafka": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {"key": {"type": "string"}, "base64_headers": {"type": "array", "items": TEXT}},
        },
        "headers": {"type": "object", "minProperties": 1, "additionalProperties": SCALAR},
        "push": PUSH,
        "ephemeral": {"enum": [True]},
        "privileged": {"type": "boolean"},
        "ref": {
            "type": "object",
            "required": ["type", "timeserial"],
            "additionalProperties": False,
            "properties": {"type": TEXT, "timeserial": TEXT},
        },
    },
}
MESSAGE = {  # TM2; connectionId, timestamp and action are the service's
    "type": "object",
    "required": ["id"],
    "additionalProperties": False,
    "properties": {
        "id": TEXT,
        "name": TEXT,
        "clientId": {"allOf": [TEXT, {"not": {"enum": ["*"]}}]},  # RSA7c
        "data": {"type": "string"},  # RSL4a; bytes are base64 by now
        # RSL4b, RSL4d, RSL5: from the left, what was done first
        "encoding": {"pattern": r"^(json|((json/)?utf-8/)?cipher\+aes-(128|256)-cbc/base64|base64)$"},
        "extras": EXTRAS,
    },
    "dependencies": {"encoding": ["data"]},
}
CHANNEL = {"type": "string", "pattern": r"^[^\[:\n][^\n]*\Z", "maxLength": 2048}
BATCH = {
    "type": "array",
    "minItems": 1,
    "maxItems": 1000,
    "items": {  # BSP2
        "type": "object",
        "required": ["channels", "messages"],
        "additionalProperties": False,
        "properties": {
            "channels": {"type": "array", "minItems": 1, "maxItems": 100, "uniqueItems": True, "items": CHANNEL},
            "messages": {"type": "array", "minItems": 1, "maxItems": 1000, "items": MESSAGE},
        },
    },
}
CHANNELS_MAX, MESSAGES_MAX, BODY_MAX = 100, 1000, 512 << 10


def public_description():
    if not os.path.exists(DESCRIPTION):
        pytest.skip("no public description of Ably's REST API: scripts/setup --tests fetches it where npm is")
    with open(DESCRIPTION, encoding="utf-8") as file:
        return json.load(file)


def problems(schema, value):
    """[(where, which rule, text)]; OpenAPI 3.0 has the schemas of JSON Schema's draft 4."""
    found = jsonschema.Draft4Validator(schema).iter_errors(value)
    return [(".".join(str(p) for p in e.absolute_path if isinstance(p, str)), e.validator, e.message) for e in found]


def check_by_description(what, value):
    """Gives the departures it met; anything else that the description does not like is a failure."""
    description = public_description()
    assert what in description["components"]["schemas"], f"the description has no {what} any more"
    met = set()
    for where, rule, text in problems({"$ref": f"#/components/schemas/{what}", **description}, value):
        assert (what, where, rule) in DEPARTURES, f"{what}: {where}: {text}"
        met.add((what, where, rule))
    return met


def without_bytes(message):
    """The JSON message that a MessagePack message is: bytes as base64, with that step noted (RSL4c1, RSL4d1)."""
    if not isinstance(message.get("data"), dict):
        return message
    encoding = "/".join(filter(None, [message.get("encoding"), "base64"]))
    return {**message, "data": message["data"]["base64"], "encoding": encoding}


def read_msgpack(bodies):
    """What Ably's own reader of MessagePack makes of them; bytes are {"base64": ...}."""
    return sdk.node("msgpack_read.js", needs="@ably/msgpack-js", text=json.dumps([body.hex() for body in bodies]))


def check_headers(request, types=("application/json", "application/x-msgpack")):
    headers = request.headers
    assert headers["Content-Type"] in types, headers["Content-Type"]  # RSC8c
    assert headers["Accept"] == headers["Content-Type"]
    assert int(headers["X-Ably-Version"]) >= 3, "the batch reply of before has no outcome for each message"  # RSC7e
    assert re.search(r"(^| )kably/\d\S*( |$)", headers["Ably-Agent"]), headers["Ably-Agent"]  # RSC7d
    assert headers["Authorization"].split(" ")[0] in ("Basic", "Bearer")  # RSA11, RSA3
    assert headers["Content-Encoding"] is None and headers["Expect"] is None


def batches(requests):
    """The bodies of the publishing requests among these, as JSON has them, with what each has to have besides."""
    posts = [request for request in requests if request.path.split("?")[0] == "/messages"]
    for request in posts:
        assert request.method == "POST"
        check_headers(request)
        assert len(request.body) <= BODY_MAX
    packed = [r.body for r in posts if r.headers["Content-Type"] == "application/x-msgpack"]
    texts = [json.loads(r.body) for r in posts if r.headers["Content-Type"] == "application/json"]
    for batch in read_msgpack(packed) if packed else []:
        texts.append([{**spec, "messages": [without_bytes(m) for m in spec["messages"]]} for spec in batch])
    return texts


def check_batch(batch):
    """Gives the departures from the public description that its messages met."""
    found = problems(BATCH, batch)
    assert not found, found[:5]
    channels = {channel for spec in batch for channel in spec["channels"]}
    assert len(channels) <= CHANNELS_MAX
    messages = [message for spec in batch for message in spec["messages"]]
    assert len(messages) <= MESSAGES_MAX
    for spec in batch:  # RSL1k2, 40031: of several messages, ids of one base
        bases = {message["id"].rpartition(":")[0] for message in spec["messages"]}
        assert len(spec["messages"]) == 1 or len(bases) == 1
    return set().union(*(check_by_description("Message", message) for message in messages))
