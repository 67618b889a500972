from typing import final

from altyn.core.engine import Scope
from altyn.infra.certificates import Certificate
from altyn.server.feeds.credentials import Credentials
from altyn.server.pace import Pace
from altyn.server.transport.door import Metadata

def bearer(metadata: Metadata) -> str: ...

@final
class RegisterAuthenticate:
    def __init__(self, credentials: Credentials, pace: Pace | None = None) -> None: ...
    def __call__(self, metadata: Metadata, certificate: Certificate | None) -> Scope: ...
