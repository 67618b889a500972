"""Who may do what, and where: the one check that keys and people pass.

A right is a scope with its reach: the whole network, some regions, some stores. A key's reach is the whole network; a
person's comes from the roles granted. Deny by default: a call that does not say how it is bound to a store is about the
whole network, unless nothing of what its scope is about belongs to a store (``ANYWHERE``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from altyn.admin_api.edge.problems import Refusal

#: Nothing of what these are about belongs to a store: whoever has them somewhere has them everywhere.
ANYWHERE = frozenset(
    {
        "own:read",
        "own:write",
        "promotions:read",
        "releases:read",
        "catalogue:read",
        "coupons:read",
        "customers:read",
        "cards:block",
        "cards:unblock",
        "gift_cards:read",
        "gift_cards:block",
        "gift_cards:unblock",
    }
)


class Place(StrEnum):
    """How a call is bound to a store."""

    NETWORK = "NETWORK"  # it is not: it is about the whole network
    PATH = "PATH"  # the address names store_id
    QUERY = "QUERY"  # the query names store_id, and must when the reach is narrow
    OBJECT = "OBJECT"  # the handler finds out and asks ``Call.at_store``
    OWN = "OWN"  # the handler shows only what is in ``Call.reach``


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a right holds."""

    is_network: bool = False
    regions: frozenset[str] = frozenset()
    stores: frozenset[str] = frozenset()

    def __or__(self, other: Reach) -> Reach:
        return Reach(self.is_network or other.is_network, self.regions | other.regions, self.stores | other.stores)

    def covers(self, store_id: str, region: str) -> bool:
        """``region`` is the store's, empty for none."""
        return self.is_network or store_id in self.stores or (region != "" and region in self.regions)


NETWORK = Reach(is_network=True)
Rights = Mapping[str, Reach]


def network_rights(scopes: Iterable[str]) -> Rights:
    """What a key with these scopes may do."""
    return dict.fromkeys(scopes, NETWORK)


class Owes(StrEnum):
    """What a person must do before anything but their own sign-in is open to them."""

    NOTHING = "NOTHING"
    PASSWORD = "PASSWORD"  # change the one that was given
    SECOND_FACTOR = "SECOND_FACTOR"  # set it up: a role of theirs asks for it


@dataclass(frozen=True, slots=True)
class Grant:
    """A role somewhere: ``place`` is a region or a store, empty for the whole network."""

    role: str
    reach: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in."""

    person_id: str
    name: str
    grants: tuple[Grant, ...]
    rights: Rights = field(repr=False)
    session_id: str = ""
    owes: Owes = Owes.NOTHING

    @property
    def actor(self) -> str:
        """Their name in the audit log."""
        return f"person:{self.person_id}"

    def may(self, scope: str, store_id: str = "", region: str = "") -> bool:
        """Whether anything of this scope is open to them; with a store, whether it is there."""
        reach = self.rights.get(scope)
        if reach is None or (self.owes is not Owes.NOTHING and not scope.startswith("own:")):
            return False
        return not store_id or scope in ANYWHERE or reach.covers(store_id, region)


class PlaceForeign(Refusal):
    """The right is there, but not for this store, or not for the whole network."""

    status_code = 403
    reason = "PLACE_FOREIGN"


class PasswordGiven(Refusal):
    """The password was given by somebody else: change it first."""

    status_code = 403
    reason = "PASSWORD_GIVEN"


class SecondFactorMissing(Refusal):
    """A role asks for a second factor: set it up first."""

    status_code = 403
    reason = "SECOND_FACTOR_MISSING"


class PersonNeeded(Refusal):
    """Only somebody who is signed in can do this, not a key."""

    status_code = 409
    reason = "PERSON_NEEDED"


def refuse_debtor(person: Person, scope: str) -> None:
    """Raises PasswordGiven, SecondFactorMissing."""
    if scope.startswith("own:"):
        return
    if person.owes is Owes.PASSWORD:
        raise PasswordGiven("change the password you were given: PUT /v1/me/password")
    if person.owes is Owes.SECOND_FACTOR:
        raise SecondFactorMissing("your role needs a second factor: POST /v1/me/second-factor")
