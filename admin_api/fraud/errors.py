"""What can be wrong with rules against fraud and their cases."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class FraudRuleUnknown(Refusal):
    status_code = 404
    reason = "FRAUD_RULE_UNKNOWN"


class FraudRulesFull(Refusal):
    """So many rules are on already."""

    status_code = 409
    reason = "FRAUD_RULES_FULL"


class FraudChangeUnknown(Refusal):
    status_code = 404
    reason = "FRAUD_CHANGE_UNKNOWN"


class FraudChangeDecided(Refusal):
    """It is not proposed any more: applied, rejected, or older than 72 hours."""

    status_code = 409
    reason = "FRAUD_CHANGE_DECIDED"


class OwnFraudChange(Refusal):
    """Who proposes does not approve."""

    status_code = 403
    reason = "OWN_FRAUD_CHANGE"


class FraudCaseUnknown(Refusal):
    status_code = 404
    reason = "FRAUD_CASE_UNKNOWN"


class FraudCaseDecided(Refusal):
    """Somebody has decided it already."""

    status_code = 409
    reason = "FRAUD_CASE_DECIDED"
