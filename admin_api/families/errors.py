"""What can be wrong with families."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class FamilyUnknown(Refusal):
    status_code = 404
    reason = "FAMILY_UNKNOWN"


class ActUnknown(Refusal):
    status_code = 404
    reason = "ACT_UNKNOWN"


class FamilyMember(Refusal):
    """The customer is in a family already, or on the way into or out of one."""

    status_code = 409
    reason = "FAMILY_MEMBER"


class FamilyHead(Refusal):
    """The account is the head's: the head stays."""

    status_code = 409
    reason = "FAMILY_HEAD"


class NotMember(Refusal):
    status_code = 404
    reason = "NOT_A_MEMBER"


class ActPending(Refusal):
    """Something is being done to the customer's account; wait until it is."""

    status_code = 409
    reason = "ACT_PENDING"


class PointsShort(Refusal):
    status_code = 409
    reason = "POINTS_SHORT"


class SameCustomer(Refusal):
    status_code = 422
    reason = "SAME_CUSTOMER"
