def issued_code(pepper: bytes, form: str, seq: int, place: int) -> str:
    """The code that stands at `place` of the coupons issued by the record `seq`, in the form its stored reply keeps."""
