"""What is taken in and given out about coupons. Codes come in, and go out once, when their batch is made."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from altyn.admin_api.edge.bulk import RowProblem
from altyn.admin_api.edge.fields import Moment, Reason, Shape, Title, Whole
from altyn.core.facts.coupon_codes import BODY, CODE_BYTES_MAX, normalised_code
from altyn.core.facts.serial_codes import SERIAL_SYMBOLS_MAX, SERIAL_SYMBOLS_MIN

CODES_A_BATCH_MAX = 200_000
SERIALS_A_BATCH_MAX = 10_000_000
GRACE_DAYS_MAX = 3_650
USES_MAX = 1_000_000_000
_TEMPLATE = re.compile(r"(?:[A-Z0-9#][A-Z0-9#-]*\??)?")
_CODE = re.compile(r"[^\x00-\x1f\x7f]+")


def check_template(value: str) -> str:
    """Raises ValueError."""
    if not _TEMPLATE.fullmatch(value) or len(value) > CODE_BYTES_MAX:
        raise ValueError("up to 64 of A-Z, 0-9, -, # for a random character, and ? for a check character at the end")
    if value and BODY not in value:
        raise ValueError("at least one # for a random character")
    return value


def check_code(value: str) -> str:
    """As it is compared. Raises ValueError."""
    code = normalised_code(value)
    if not code or len(code.encode()) > CODE_BYTES_MAX or not _CODE.fullmatch(code):
        raise ValueError(f"a code has 1 to {CODE_BYTES_MAX} bytes, no control characters")
    return code


Code = Annotated[str, Field(max_length=200), AfterValidator(check_code)]


class Kind(StrEnum):
    """SHARED: everybody's code. UNIQUE: every code is somebody's."""

    SHARED = "SHARED"
    UNIQUE = "UNIQUE"


class Origin(StrEnum):
    """LISTED: codes are generated or imported, each is a row. SERIAL: codes are computed from serials, none is kept."""

    LISTED = "LISTED"
    SERIAL = "SERIAL"


class OnReturn(StrEnum):
    """What becomes of a used code when all it was used for is returned. A void always lets it be used again."""

    REACTIVATE = "REACTIVATE"
    KEEP_USED = "KEEP_USED"


class State(StrEnum):
    """BLOCKED: not accepted at the till."""

    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"


class Use(StrEnum):
    """What has become of a code. RESERVED: a register keeps it for a receipt. CANCELLED: its sale was taken back."""

    FREE = "FREE"
    RESERVED = "RESERVED"
    USED = "USED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class SeriesIn(Shape):
    """Codes are valid in [``starts_at``, ``ends_at``), null: for ever. ``uses_max`` of one code; 0: any number.
    ``template``: # a random character, ? the check character of what stands before it, anything else itself; of a
    SERIAL series 8 to 12 #. A code that ``on_return`` lets be used again is good for ``grace_days`` at least.
    """

    title: Title = ""
    kind: Kind
    template: Annotated[str, AfterValidator(check_template)] = ""
    starts_at: Moment
    ends_at: Moment | None = None
    uses_max: Annotated[Whole, Field(ge=0, le=USES_MAX)] = 1
    state: State = State.ACTIVE
    origin: Origin = Origin.LISTED
    on_return: OnReturn = OnReturn.REACTIVATE
    grace_days: Annotated[Whole, Field(ge=0, le=GRACE_DAYS_MAX)] = 0

    @model_validator(mode="after")
    def _period(self) -> Self:
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be after starts_at")
        if self.kind is Kind.UNIQUE and self.uses_max == 0:
            raise ValueError("a unique code is used a number of times: uses_max must be 1 or more")
        if self.origin is Origin.SERIAL:
            symbols = self.template.count(BODY)
            if self.kind is not Kind.UNIQUE or self.uses_max != 1:
                raise ValueError("codes of a SERIAL series are UNIQUE and used once")
            if not SERIAL_SYMBOLS_MIN <= symbols <= SERIAL_SYMBOLS_MAX:
                raise ValueError(f"the template of a SERIAL series has 8 to 12 #, this one {symbols}")
        return self


class SeriesOut(BaseModel):
    """``series_no`` stands for the series in the journal. ``codes`` counts by state."""

    series: str
    series_no: int
    title: str
    kind: Kind
    template: str
    starts_at: datetime
    ends_at: datetime | None
    uses_max: int
    state: State
    origin: Origin
    on_return: OnReturn
    grace_days: int
    codes: dict[str, int]
    feed_version: int


class SeriesSummary(BaseModel):
    series: str
    series_no: int
    title: str
    kind: Kind
    starts_at: datetime
    ends_at: datetime | None
    state: State
    origin: Origin
    feed_version: int


class SeriesPage(BaseModel):
    series: list[SeriesSummary]
    #: Give it as ``after`` for the next page; absent on the last one.
    next_after: str | None = None


class GenerateIn(Shape):
    title: Title = ""
    count: Annotated[Whole, Field(ge=1, le=CODES_A_BATCH_MAX)]


class SerialsIn(Shape):
    title: Title = ""
    count: Annotated[Whole, Field(ge=1, le=SERIALS_A_BATCH_MAX)]


class CodeIn(Shape):
    """One row of an import."""

    code: Code


class ImportOut(BaseModel):
    """``batch_id`` null: no row could be taken, or all codes were there."""

    batch_id: int | None
    rows_count: int
    codes_count: int
    wrong_count: int
    problems: list[RowProblem]
    feed_version: int


class BatchOut(BaseModel):
    """``first_serial``: of a SERIAL batch; its codes are those of ``codes_count`` serials from there on."""

    batch_id: int
    series: str
    title: str
    origin: str
    codes_count: int
    first_serial: int | None
    state: State
    created_by: str
    created_at: datetime


class BatchPage(BaseModel):
    """Newest first."""

    batches: list[BatchOut]
    #: Give it as ``before`` for the next page; absent on the last one.
    next_before: int | None = None


class StateIn(Shape):
    state: State
    reason: Reason


class CouponOut(BaseModel):
    """A code that the back office made. ``code_id`` stands for it; ``use`` is from the processing server, now: null in
    the answer to a change while the server does not answer.
    """

    code_id: int
    series: str
    batch_id: int
    state: State
    use: Use | None = None
    feed_version: int


class CouponPage(BaseModel):
    """By ``code_id``."""

    coupons: list[CouponOut]
    #: Give it as ``after`` for the next page; absent on the last one.
    next_after: int | None = None


class SerialOut(BaseModel):
    """The code of a serial. ``state`` is its batch's; ``use`` is from the processing server, now."""

    series: str
    serial: int
    batch_id: int
    state: State
    use: Use


class SerialPage(BaseModel):
    """By ``serial``."""

    coupons: list[SerialOut]
    #: Give it as ``after`` for the next page; absent on the last one.
    next_after: int | None = None


class ExportState(StrEnum):
    """ASKED: somebody else has to agree. APPROVED: the codes may be taken, once. TAKEN: they were."""

    ASKED = "ASKED"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    TAKEN = "TAKEN"


class ExportIn(Shape):
    reason: Reason


class ExportOut(BaseModel):
    """``bytes_count`` of the file: as many as its Content-Length will say."""

    export_id: int
    batch_id: int
    series: str
    codes_count: int
    bytes_count: int
    state: ExportState
    reason: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    taken_at: datetime | None


class ExportPage(BaseModel):
    """Newest first."""

    exports: list[ExportOut]


class IssuedOut(BaseModel):
    """A code that a receipt issued; ``seq`` is the receipt's place in the journal. ``expires_at`` null: it does not
    end. ``use`` is from the processing server, now.
    """

    seq: int
    series: str
    promotion_id: str
    store_id: str
    register_id: str
    shift_number: int
    receipt_number: int
    customer_id: int | None
    issued_at: datetime
    expires_at: datetime | None
    use: Use


class IssuedPage(BaseModel):
    """Newest first. ``projected_seq``: the list holds everything up to it."""

    coupons: list[IssuedOut]
    projected_seq: int
    #: Give it as ``before_seq`` for the next page; absent on the last one.
    next_before_seq: int | None = None


class FoundOut(BaseModel):
    """``result``: FOUND, BLOCKED, TOO_EARLY, TOO_LATE, RESERVED, USED, CANCELLED or UNKNOWN, as a till would hear it
    now. ``coupon``: of a code the back office listed; ``serial``: of one it has computed; ``issued``: of one a receipt
    issued, once the history holds it.
    """

    result: str
    coupon: CouponOut | None = None
    serial: SerialOut | None = None
    issued: IssuedOut | None = None
