from typing import Any, Final

STEPS_PPM: Final[tuple[int, ...]]

class Depths:
    def __init__(self, receipt_max_ppm: int = 1_000_000, floor_ppm: int = 0) -> None: ...
    def result(self) -> dict[str, Any]: ...
