from typing import Final

COLUMNS: Final[tuple[str, ...]]
