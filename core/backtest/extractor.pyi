from typing import Any, Final

FORMAT: Final[int]
SKIPPED: Final[tuple[str, ...]]

class Extractor:
    skipped: dict[str, int]
    sales_count: int
    returns_count: int
    voids_count: int

    def names(self) -> dict[str, list[Any]]: ...
    def take(self, body: bytes) -> bytes | None: ...
