"""A refused call as a gRPC status with machine-readable details.

The reason is `google.rpc.ErrorInfo.reason` in domain `altyn`; a field at fault is a `google.rpc.BadRequest`
violation; what may be sent
again carries `google.rpc.RetryInfo`.
"""

from __future__ import annotations

import binascii
from functools import lru_cache

from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

# By code: when what was refused may be sent again.
RETRY_DELAYS_MS = {"UNAVAILABLE": 200, "RESOURCE_EXHAUSTED": 1_000}
# Refusals whose bytes are kept: a wrong key or a full server is refused again and again.
TRAILERS_KEPT = 256


def status_of(code: str, reason: str, field: str, message: str) -> status_pb2.Status:
    """The status a door answers with; the four are those of a CallRefused."""
    info = error_details_pb2.ErrorInfo(reason=reason, domain="altyn")
    details: list[error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.RetryInfo] = [info]
    if field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=message)
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if code in RETRY_DELAYS_MS:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(RETRY_DELAYS_MS[code])
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = []
    for detail in details:
        box = any_pb2.Any()
        box.Pack(detail)
        packed.append(box)
    text = f"{field}: {message}" if field else message
    return status_pb2.Status(code=code_pb2.Code.Value(code), message=text, details=packed)


def name_of(code: int) -> str:
    """Of a status that one of our doors gives."""
    return str(code_pb2.Code.Name(code))


@lru_cache(maxsize=TRAILERS_KEPT)
def trailers_of(code: str, reason: str, field: str, message: str) -> tuple[int, bytes, bytes]:
    """The same as HTTP/2 carries it: the code, the text, and `grpc-status-details-bin` in base64 without padding."""
    status = status_of(code, reason, field, message)
    details = binascii.b2a_base64(status.SerializeToString(), newline=False).rstrip(b"=")
    return status.code, status.message.encode(), details
