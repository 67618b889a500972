"""The OpenAPI document of the JSON door, from the contract's descriptors alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

STATUSES = {
    "400": "A field cannot be taken; it is named.",
    "401": "The register's credential is missing, unknown or revoked.",
    "403": "The credential belongs to another store or register.",
    "413": "The body is too long.",
    "415": "The body is not application/json.",
    "429": "The register makes too many calls. Send the same again after Retry-After.",
    "500": "A fault of the server.",
    "501": "The call is newer than the server.",
    "503": "Nothing can be said now. Send the same again after Retry-After.",
    "504": "No answer in time. Send the same op_id again.",
}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "The code that gRPC has for it."},
        "reason": {"type": "string", "description": "Stable: one of ErrorReason, without the prefix."},
        "detail": {"type": "string"},
        "field": {"type": "string", "description": "Path of the field at fault, by the contract's names."},
    },
    "required": ["type", "title", "status", "code", "reason", "detail"],
}


def document(methods: Iterable[MethodDescriptor]) -> dict[str, Any]:
    """OpenAPI 3.1 of `POST /v1/<call>` for each method."""
    schemas: dict[str, Any] = {"Problem": PROBLEM}
    paths = {f"/v1/{method.name}": {"post": _operation(method, schemas)} for method in methods}
    return {
        "openapi": "3.1.0",
        "info": {"title": "altyn.pos.v1.PosService in JSON", "version": "1"},
        "security": [{"key": []}],
        "paths": paths,
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}, "schemas": schemas},
    }


def _operation(method: MethodDescriptor, schemas: dict[str, Any]) -> dict[str, Any]:
    def content(kind: Descriptor) -> dict[str, Any]:
        return {"application/json": {"schema": _reference(kind, schemas)}}

    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses: dict[str, Any] = {
        "200": {"description": "The reply; `status` says whether it is a yes.", "content": content(method.output_type)}
    }
    responses |= {status: {"description": text, "content": problem} for status, text in STATUSES.items()}
    return {
        "operationId": method.name,
        "requestBody": {"required": True, "content": content(method.input_type)},
        "responses": responses,
    }


def _reference(kind: Descriptor, schemas: dict[str, Any]) -> dict[str, Any]:
    if kind.name not in schemas:
        schemas[kind.name] = {"type": "object", "additionalProperties": False}
        schemas[kind.name]["properties"] = {field.json_name: _field(field, schemas) for field in kind.fields}
    return {"$ref": f"#/components/schemas/{kind.name}"}


def _field(field: FieldDescriptor, schemas: dict[str, Any]) -> dict[str, Any]:
    one = _value(field, schemas)
    return {"type": "array", "items": one} if field.is_repeated else one


def _value(field: FieldDescriptor, schemas: dict[str, Any]) -> dict[str, Any]:
    if field.message_type is not None:
        return _reference(field.message_type, schemas)
    if field.enum_type is not None:
        return {"type": "string", "enum": [value.name for value in field.enum_type.values]}
    if field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64):
        return {"type": ["string", "integer"], "format": "int64"}
    if field.cpp_type in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32):
        return {"type": "integer", "format": "int32"}
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return {"type": "boolean"}
    if field.type == FieldDescriptor.TYPE_BYTES:
        return {"type": "string", "contentEncoding": "base64"}
    return {"type": "string"}
