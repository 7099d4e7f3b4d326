"""The whole description, and where it is read."""

import json
from typing import ClassVar

from typing_extensions import override

from tpush.publisher.request import PublisherRequest
from tpush.publisher.v1.body import JSON
from tpush.publisher.v1.openapi import answers, requests
from tpush.publisher.v1.openapi.paths import PATHS
from tpush.publisher.v1.openapi.schema import Schema
from tpush.publisher.v1.resource import JSONResource

DOCUMENT: Schema = {
    "openapi": "3.1.0",
    "info": {
        "title": "tpush",
        "version": "1",
        "summary": "Publish to WebSocket clients, and see and change who is where.",
    },
    "servers": [{"url": "/"}],
    # The last one is none: without --api-key-file whoever can connect may.
    "security": [{"bearer": []}, {"key": []}, {}],
    "paths": PATHS,
    "components": {
        "schemas": requests.SCHEMAS | answers.SCHEMAS,
        "responses": answers.RESPONSES,
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        },
    },
}

BODY = json.dumps(DOCUMENT).encode() + b"\n"


class Description(JSONResource):
    """``GET /v1/openapi.json``: for everyone, as there is nothing in it that is not in the docs."""

    allowed: ClassVar[tuple[bytes, ...]] = (b"GET",)

    @override
    def answer(self, request: PublisherRequest) -> bytes:
        request.setHeader(b"Content-Type", JSON)
        return BODY
