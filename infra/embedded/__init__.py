"""PostgreSQL and Valkey for a machine that has neither: from wheels, under the var directory, gone with their parent.

For a newcomer, a demo and the tests; a production installation names its own by ``ALTYN_POSTGRES_DSN`` and
``ALTYN_REDIS_URL``, and then nothing here runs.
"""

from altyn.infra.embedded.services import Endpoints, embedded_services

__all__ = ["Endpoints", "embedded_services"]
