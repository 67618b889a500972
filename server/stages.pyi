from typing import final

from altyn.server.calls import Call

@final
class Stages:
    calls: list[StagedCall]
    def over(self, table: dict[str, Call]) -> dict[str, Call]: ...

@final
class StagedCall:
    method: str
    def __init__(self, stages: Stages, method: str, call: Call) -> None: ...
    take: Call
    @property
    def decided_counts(self) -> list[int]: ...
    @property
    def decided_sum_ns(self) -> int: ...
    @property
    def decoded_counts(self) -> list[int]: ...
    @property
    def decoded_sum_ns(self) -> int: ...
