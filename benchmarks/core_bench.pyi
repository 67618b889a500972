from altyn.core.rules.ruleset import Ruleset

class Corpus:
    lines_count: int
    def __init__(self, rows: list[list[tuple[bytes, bytes, bytes, int, int]]]) -> None: ...

def calculate_nanoseconds(
    ruleset: Ruleset, corpus: Corpus, rounds: int, has_card: bool = True
) -> tuple[float, float, int]: ...
