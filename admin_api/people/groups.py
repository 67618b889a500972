"""Groups of an identity provider as roles here: a table of the settings.

A role that the table names is given by groups alone: every sign-in by the provider gives and takes it. Other roles are
granted here by hand, and stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from altyn.admin_api.edge.rights import Grant
from altyn.admin_api.people.roles import ReachKind, Role
from altyn.infra.errors import Trouble

Table = Mapping[str, tuple[Grant, ...]]
PLACE_BYTES_MAX = 64


class GroupsWrong(Trouble):
    """ALTYN_OIDC_ROLES cannot be read."""


def read_table(text: str) -> Table:
    """``{"group": ["ROLE", "ROLE@STORE:s1", "ROLE@REGION:msk"]}``. Raises GroupsWrong."""
    if not text:
        return {}
    try:
        told = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise GroupsWrong(f"ALTYN_OIDC_ROLES is no JSON: {error}") from None
    if not isinstance(told, dict) or not all(isinstance(roles, list) for roles in told.values()):
        raise GroupsWrong("ALTYN_OIDC_ROLES is no mapping of groups to lists of roles")
    return {group: tuple(_grant(group, one) for one in roles) for group, roles in told.items()}


def grants_after(table: Table, groups: Iterable[str], held: Iterable[Grant]) -> frozenset[Grant]:
    """What somebody of these groups has from now on, who had ``held``."""
    of_groups = {one.role for grants in table.values() for one in grants}
    by_hand = {one for one in held if one.role not in of_groups}
    return frozenset(by_hand | {one for group in groups for one in table.get(group, ())})


def _grant(group: str, told: object) -> Grant:
    role, at, where = str(told).partition("@")
    reach, _, place = where.partition(":")
    is_placed = reach in (ReachKind.REGION, ReachKind.STORE) and 0 < len(place.encode()) <= PLACE_BYTES_MAX
    if not isinstance(told, str) or role not in Role.__members__ or bool(at) != is_placed:
        raise GroupsWrong(f"ALTYN_OIDC_ROLES, {group}: {told!r} is no ROLE, ROLE@STORE:id or ROLE@REGION:id")
    return Grant(role, reach or ReachKind.NETWORK.value, place)
