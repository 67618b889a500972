"""The customer an address names, as the pages about one need them: their cards, their family, whose account holds their
points. Nothing is shown or decided here.
"""

from __future__ import annotations

from dataclasses import dataclass

from altyn.admin_api.accounts import service as accounts
from altyn.admin_api.accounts.schemas import BalanceOut
from altyn.admin_api.accounts.server import AccountUnknown
from altyn.admin_api.cards.errors import CardUnknown
from altyn.admin_api.console.pages import Visit
from altyn.admin_api.console.value import Tab
from altyn.admin_api.customers import service
from altyn.admin_api.customers.errors import CustomerUnknown
from altyn.admin_api.customers.schemas import CardOut, CustomerOut
from altyn.admin_api.edge.problems import ScopeMissing
from altyn.admin_api.edge.rights import Reach
from altyn.admin_api.families.schemas import FamilyOut
from altyn.admin_api.families.service import family_of

ADDRESS = "/console/customers"
FINDING = Tab("customers", "customers:read", ADDRESS)
BY_HAND = Tab("adjustments", "accounts:read", "/console/adjustments")


@dataclass(frozen=True, slots=True)
class Known:
    """``account_id`` holds their points: the family's once they are in one. ``member``: what they are in it."""

    customer: CustomerOut
    account_id: int
    family: FamilyOut | None = None
    member: str = ""

    @property
    def address(self) -> str:
        return f"{ADDRESS}/{self.customer.customer_id}"

    @property
    def is_head(self) -> bool:
        return self.family is not None and self.family.head_customer_id == self.customer.customer_id

    def card(self, card_id: int) -> CardOut:
        """One of theirs. Raises CardUnknown."""
        for one in self.customer.cards:
            if one.card_id == card_id:
                return one
        raise CardUnknown(f"customer {self.customer.customer_id} has no card {card_id}", path="card_id")


async def known(visit: Visit) -> Known:
    """The customer of the address. Raises CustomerUnknown."""
    customer_id = number_in(visit, "customer_id")
    if not customer_id:
        raise CustomerUnknown("an address names a customer by number", path="customer_id")
    return await known_as(visit, customer_id)


async def known_as(visit: Visit, customer_id: int) -> Known:
    """Raises CustomerUnknown."""
    customer = await service.read_customer(visit.call, customer_id=customer_id)
    found = await family_of(visit.call, customer_id=customer_id)
    if found is None:
        return Known(customer, customer.account_id)
    family, member = found
    return Known(customer, customer.account_id if member == "JOINING" else family.account_id, family, member)


async def balance_of(visit: Visit, account_id: int) -> BalanceOut | None:
    """From the server; None: it has never had points of this account. Raises as its client."""
    try:
        return accounts.balance_out(await visit.office.ops.balance(account_id))
    except AccountUnknown:
        return None


def number_in(visit: Visit, name: str) -> int:
    """A number of the address; 0 for what is none."""
    text = str(visit.request.path_params[name])
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def reach_of(visit: Visit, scope: str) -> Reach | None:
    """Where they may do this; None: nowhere."""
    assert visit.shell.visitor is not None
    return visit.shell.visitor.caller.rights.get(scope)


def require(visit: Visit, scope: str) -> None:
    """One right more than the page's own. Raises ScopeMissing."""
    if not visit.holds(scope):
        raise ScopeMissing(f"this page needs the scope {scope}")


def tabs_of(visit: Visit) -> list[Tab]:
    return [one for one in (FINDING, BY_HAND) if visit.holds(one.reads)]
