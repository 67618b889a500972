"""ETag and If-Match: two editors notice each other."""

from __future__ import annotations

from fastapi import Request

from altyn.admin_api.edge.problems import RevisionDiffers, RevisionMissing


def etag(revision: int) -> str:
    return f'"{revision}"'


def require_match(request: Request, revision: int) -> None:
    """The caller must name the revision it has seen. ``*`` is refused: it would hide the other editor."""
    given = request.headers.get("if-match", "")
    if not given:
        raise RevisionMissing(f"send If-Match with the ETag you have read; now it is {etag(revision)}", path="If-Match")
    if given != etag(revision):
        raise RevisionDiffers(
            f"somebody has changed it: you have {given[:40]}, now it is {etag(revision)}", path="If-Match"
        )
