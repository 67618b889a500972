"""The HTTP face of releases."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Response

from altyn.admin_api.edge.fields import PageSize
from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs
from altyn.admin_api.publishing.whole import publish_whole
from altyn.admin_api.releases import repository, schemas, service
from altyn.admin_api.releases.errors import ReleaseUnknown

PUBLISH_TIMEOUT_S = 120.0
PUBLISH_BYTES_MAX = 16 << 20

Version = Annotated[int, Path(ge=1, lt=1 << 63)]

router = area_router("releases")


@router.get("/releases")
@needs("releases:read")
async def list_releases(
    call: CurrentCall, before: Annotated[int | None, Query(ge=1, lt=1 << 63)] = None, limit: PageSize = 20
) -> schemas.ReleasePage:
    """Releases, newest first."""
    rows = await repository.list_releases(call.connection, call.tenant, before, limit + 1)
    in_force = await repository.version_in_force(call.connection, call.tenant, call.now)
    shown = [schemas.ReleaseOut(is_in_force=row["version"] == in_force, **row) for row in rows[:limit]]
    return schemas.ReleasePage(releases=shown, next_before=shown[-1].version if len(rows) > limit else None)


@router.post("/releases", status_code=201)
@needs("releases:publish", timeout_s=PUBLISH_TIMEOUT_S, body_bytes_max=PUBLISH_BYTES_MAX)
async def publish_release(
    call: CurrentCall, office: CurrentOffice, body: schemas.PublishIn, response: Response
) -> schemas.PublishedOut:
    """Publish all ACTIVE promotions, or the selected ones, as one immutable release. The last receipts are tried on it
    first: what would break a guard rail is submitted for review instead.
    """
    whole = await publish_whole(call, office.compiler, **_given(body))
    return _published(response, whole.made, body.emergency)


@router.post("/releases/{version}/rollback", status_code=201)
@needs("releases:publish", timeout_s=PUBLISH_TIMEOUT_S)
async def roll_back(
    call: CurrentCall, office: CurrentOffice, version: Version, body: schemas.RollbackIn, response: Response
) -> schemas.PublishedOut:
    """Publish the documents of an older release again, as a new version."""
    made = await service.roll_back(call, office.compiler, to_version=version, **_given(body))
    return _published(response, made, body.emergency)


@router.get("/releases/{version}/document")
@needs("releases:read")
async def get_document(call: CurrentCall, version: Version) -> Response:
    """The released bytes: canonical JSON, whose SHA-256 is the release's."""
    found = await repository.find_document(call.connection, call.tenant, version)
    if found is None:
        raise ReleaseUnknown(f"no release {version}", path="version")
    return Response(found["document"], media_type="application/json", headers={"etag": f'"{found["sha256"].hex()}"'})


@router.get("/releases/{version}/servers")
@needs("releases:read")
async def get_servers(call: CurrentCall, version: Version) -> schemas.ReleaseServersOut:
    """Which servers run the release: live in N of N."""
    if await repository.find_document(call.connection, call.tenant, version) is None:
        raise ReleaseUnknown(f"no release {version}", path="version")
    rows = await repository.list_servers(call.connection, call.tenant)
    fields = schemas.ServerRuns.model_fields
    since = call.now - service.SEEN_WITHIN
    servers = [
        schemas.ServerRuns(is_seen=row["seen_at"] >= since, **{key: row[key] for key in fields if key != "is_seen"})
        for row in rows
    ]
    seen = [server for server in servers if server.is_seen]
    live_count = sum(server.rules_version == version for server in seen)
    return schemas.ReleaseServersOut(version=version, live_count=live_count, servers_count=len(seen), servers=servers)


def _given(body: schemas.PublishIn | schemas.RollbackIn) -> dict[str, Any]:
    return {name: getattr(body, name) for name in type(body).model_fields}


def _published(response: Response, made: service.Published, emergency: bool) -> schemas.PublishedOut:
    if not made.feed_version:
        response.status_code = 200
    return schemas.PublishedOut(
        version=made.version,
        sha256=made.sha256.hex(),
        effective_at=made.effective_at,
        emergency=emergency,
        promotions_count=made.promotions_count,
        warnings=[schemas.Warning(**warning) for warning in made.warnings],
        is_published=made.feed_version > 0,
        feed_version=made.feed_version,
    )
