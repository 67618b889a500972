"""A small register that shares no code with altyn.register, and may be told to do one thing wrong.

``python plain_register.py [FAULT]``: without a fault it conforms, so that the kit is not made for one library only.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from altyn.pos.v1 import outcome_pb2, pos_service_pb2, receipt_pb2

FAULT = sys.argv[1] if len(sys.argv) > 1 else ""
SILENT = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNAUTHENTICATED,
}
ATTEMPTS = 60 if FAULT == "hammers" else 4
DEADLINE_S = 1.0


def name(status: int) -> str:
    return outcome_pb2.Status.Name(status).removeprefix("STATUS_")


class Till:
    def power_on(self, target: str, store_id: str, register_id: str, key: str, state_dir: str) -> Any:
        self.store_id, self.register_id = store_id, register_id
        self.metadata = (("authorization", f"Bearer {key}" if FAULT != "bare_key" else key),)
        self.channel = grpc.insecure_channel(target, options=[("grpc.enable_retries", 0)])
        self.path = Path(state_dir) / "plain.jsonl"
        self.seq, self.pending, self.answered = 0, {}, {}
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                row = json.loads(line)
                self.seq = max(self.seq, row["seq"])
                if "request" in row:
                    self.pending[row["op_id"]] = row
                else:
                    self.pending.pop(row["op_id"], None)
        if FAULT == "counts_anew":
            self.seq = 0
        return {}

    def power_off(self) -> Any:
        return {}

    def start(self, shift_number: int, receipt_number: int, currency: str = "RUB", **shown: Any) -> Any:
        self.receipt = receipt_pb2.Receipt(
            store_id=self.store_id if FAULT != "foreign_store" else "s2",
            register_id=self.register_id,
            shift_number=shift_number,
            receipt_number=receipt_number if FAULT != "no_number" else 0,
            currency=currency,
            exponent=2,
            mode=receipt_pb2.MODE_ONLINE,
        )
        self.token = b""
        if "qr" in shown:
            self.receipt.identity.value = shown["qr"]
            as_card = FAULT == "reads_any_code_as_a_card"
            self.receipt.identity.kind = receipt_pb2.TOKEN_KIND_CARD if as_card else receipt_pb2.TOKEN_KIND_QR
            self.receipt.identity.input_method = receipt_pb2.INPUT_METHOD_QR
        elif "phone" in shown:
            code = "" if FAULT == "keeps_the_code" else shown.get("code", "")
            method = receipt_pb2.INPUT_METHOD_PHONE_CODE if code else receipt_pb2.INPUT_METHOD_PHONE
            identity = receipt_pb2.Identity(
                kind=receipt_pb2.TOKEN_KIND_PHONE, value=shown["phone"], input_method=method, code=code
            )
            self.receipt.identity.CopyFrom(identity)
        return {}

    def send_code(self, phone: str) -> Any:
        identity = receipt_pb2.Identity(kind=receipt_pb2.TOKEN_KIND_PHONE, value=phone)
        asked = pos_service_pb2.SendOneTimeCodeRequest(
            store_id=self.store_id, register_id=self.register_id, identity=identity
        )
        if FAULT == "asks_for_no_code":
            return {"status": "OK"}
        return {"status": name(self.call("SendOneTimeCode", asked.SerializeToString()).status)}

    def add(self, sku: str, price_minor: int, qty_milli: int, unit: str) -> Any:
        line_no = len(self.receipt.lines) + 1
        self.receipt.lines.add(
            line_no=line_no, sku=sku, price_minor=price_minor, qty_milli=qty_milli, unit=receipt_pb2.UNIT_PIECE
        )
        return {}

    def calculate(self) -> Any:
        token = b"" if FAULT == "calculates_anew" else self.token
        asked = pos_service_pb2.CalculateReceiptRequest(calc_token=token, receipt=self.receipt)
        try:
            shown = self.call("CalculateReceipt", asked.SerializeToString())
        except grpc.RpcError:
            if FAULT != "stays_online":
                self.receipt.mode = receipt_pb2.MODE_OFFLINE
            return {"status": "NO_ANSWER"}
        self.token = shown.calc_token
        return {"status": name(shown.status)}

    def reserve(self) -> Any:
        return self.effect("ReserveReceipt", self.with_receipt)

    def commit(self) -> Any:
        return self.effect("CommitReceipt", self.with_receipt)

    def cancel(self) -> Any:
        if FAULT == "never_cancels":
            return {"status": "OK"}
        if FAULT == "commits_instead":
            return self.commit()
        return self.effect("CancelReceipt", self.void)

    def return_(
        self, shift_number: int, receipt_number: int, original: dict[str, int], lines: list[dict[str, Any]]
    ) -> Any:
        self.start(shift_number, receipt_number)
        for line in lines:
            self.add(line["sku"], line["price_minor"], line["qty_milli"], "PIECE")
            if FAULT != "returns_no_line":
                self.receipt.lines[-1].refund_of.line_no = line["of_line_no"]
                self.receipt.lines[-1].refund_of.qty_milli = line["qty_milli"]
        if FAULT != "returns_no_sale":
            named = receipt_pb2.OriginalReceipt(store_id=self.store_id, register_id=self.register_id, **original)
            self.receipt.original.CopyFrom(named)
        return self.effect("ReturnReceipt", self.with_receipt)

    def settle(self, shift_number: int, receipt_number: int) -> Any:
        [row] = [row for row in self.pending.values() if row["receipt"] == [shift_number, receipt_number]]
        if FAULT == "guesses":
            return {"status": "OK"}
        asked = pos_service_pb2.GetOperationRequest(
            op_id=bytes.fromhex(row["op_id"]), store_id=self.store_id, register_id=self.register_id
        )
        found = self.call("GetOperation", asked.SerializeToString())
        stored = getattr(pos_service_pb2, f"{row['call']}Response").FromString(found.reply)
        self.done(row)
        return {"status": name(stored.status)}

    def drain(self) -> Any:
        rows = list(self.pending.values())
        for row in reversed(rows) if FAULT == "last_in_first_out" else rows:
            if self.send(row, attempts_max=1) == "QUEUED":
                break
        return {"left": len(self.pending)}

    # INSIDE

    def with_receipt(self, call: str, op_id: bytes, seq: int) -> Any:
        form = getattr(pos_service_pb2, f"{call}Request")
        return form(op_id=op_id, register_seq=seq, calc_token=self.token, receipt=self.receipt)

    def void(self, call: str, op_id: bytes, seq: int) -> Any:
        return pos_service_pb2.CancelReceiptRequest(
            op_id=op_id,
            register_seq=seq,
            store_id=self.receipt.store_id,
            register_id=self.register_id,
            shift_number=self.receipt.shift_number,
            receipt_number=self.receipt.receipt_number,
        )

    def effect(self, call: str, build: Any) -> Any:
        self.seq += 1
        op_id = uuid.uuid4().bytes[: 8 if FAULT == "short_op_id" else 16]
        request = build(call, op_id, self.seq).SerializeToString()
        row = {
            "op_id": op_id.hex(),
            "seq": self.seq,
            "call": call,
            "receipt": [self.receipt.shift_number, self.receipt.receipt_number],
            "request": base64.b64encode(request).decode(),
        }
        if FAULT == "saves_late":
            status = self.send(row)
            self.save(row)
            return {"status": status}
        self.save(row)
        self.pending[row["op_id"]] = row
        for earlier in list(self.pending.values()):
            if earlier["receipt"] == row["receipt"] and earlier["seq"] < self.seq and FAULT != "defers":
                self.send(earlier, attempts_max=1)
        if FAULT == "defers" and call == "ReserveReceipt":
            return {"status": "QUEUED"}
        status = self.send(row)
        if FAULT == "commits_twice" and call == "CommitReceipt" and status == "QUEUED":
            self.seq += 1
            again = uuid.uuid4().bytes
            twin = build(call, again, self.seq).SerializeToString()
            encoded = base64.b64encode(twin).decode()
            self.send(row | {"op_id": again.hex(), "seq": self.seq, "request": encoded}, attempts_max=1)
        return {"status": status}

    def send(self, row: dict[str, Any], attempts_max: int = ATTEMPTS) -> str:
        for attempt in range(attempts_max):
            request = self.attempted(row, attempt)
            try:
                reply = self.call(row["call"], request)
            except grpc.RpcError as error:
                if error.code() not in SILENT:
                    if FAULT != "never_gives_up":
                        self.done(row)
                        return "REFUSED"
                elif error.code() == grpc.StatusCode.UNAUTHENTICATED:
                    if FAULT == "drops_at_the_door":
                        self.done(row)
                    return "REFUSED"
                elif attempt + 1 < attempts_max:
                    time.sleep(0.01 if FAULT in ("hammers", "impatient") else max(wish_s(error), 0.05))
                continue
            except DecodeError:
                continue
            if FAULT == "repeats_answers" and reply.status == outcome_pb2.STATUS_DECLINED and attempt < 2:
                continue
            self.done(row)
            return name(reply.status)
        if FAULT == "forgets":
            self.done(row)
        return "OK" if FAULT == "boasts" else "QUEUED"

    def attempted(self, row: dict[str, Any], attempt: int) -> bytes:
        request = base64.b64decode(row["request"])
        if FAULT not in ("new_op_id", "new_time") or attempt == 0:
            return request
        message = getattr(pos_service_pb2, f"{row['call']}Request").FromString(request)
        if FAULT == "new_op_id":
            message.op_id = uuid.uuid4().bytes
        else:
            message.receipt.local_time_us = attempt
        return message.SerializeToString()

    def call(self, call: str, request: bytes) -> Any:
        method = self.channel.unary_unary(f"/altyn.pos.v1.PosService/{call}")
        deadline_s = 60.0 if FAULT == "waits_for_ever" else DEADLINE_S
        reply = getattr(pos_service_pb2, f"{call}Response").FromString(
            method(request, timeout=deadline_s, metadata=self.metadata)
        )
        if FAULT == "strict" and b"\xf8\x7f" in reply.SerializeToString():
            raise DecodeError("an unknown field")
        return reply

    def save(self, row: dict[str, Any]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def done(self, row: dict[str, Any]) -> None:
        if self.pending.pop(row["op_id"], None):
            self.save({"op_id": row["op_id"], "seq": row["seq"]})


def wish_s(error: Any) -> float:
    """RetryInfo, or nothing."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                wish = error_details_pb2.RetryInfo()
                if detail.Unpack(wish):
                    return float(wish.retry_delay.ToMilliseconds()) / 1000
    return 0.0


def main() -> None:
    till = Till()
    for line in sys.stdin:
        words = json.loads(line)
        command = words.pop("do")
        method = getattr(till, "return_" if command == "return" else command, None)
        if method is None or (FAULT == "no_returns" and command == "return"):
            print(json.dumps({"error": "unknown command"}), flush=True)
            continue
        try:
            answer = method(**words)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
        if command == "power_off":
            return


if __name__ == "__main__":
    main()
