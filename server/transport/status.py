"""A refused call as a gRPC status with machine-readable details.

The reason is `google.rpc.ErrorInfo.reason` in domain `altyn`; a field at fault is a `google.rpc.BadRequest`
violation; what may be sent
again carries `google.rpc.RetryInfo`.
"""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from altyn.core.engine import CallRefused

RETRY_DELAY_NANOS = 200_000_000


def status_of(refused: CallRefused) -> grpc.Status:
    """The status a door answers with."""
    info = error_details_pb2.ErrorInfo(reason=refused.reason, domain="altyn")
    details: list[error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.RetryInfo] = [info]
    if refused.field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=refused.field, description=refused.message)
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if refused.code == "UNAVAILABLE":
        details.append(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(nanos=RETRY_DELAY_NANOS)))
    packed = []
    for detail in details:
        box = any_pb2.Any()
        box.Pack(detail)
        packed.append(box)
    text = f"{refused.field}: {refused.message}" if refused.field else refused.message
    status = status_pb2.Status(code=code_pb2.Code.Value(refused.code), message=text, details=packed)
    return rpc_status.to_status(status)
