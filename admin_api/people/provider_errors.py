"""What can be wrong with a sign-in by an identity provider. Each says what; none shows what the provider sent."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class OidcOff(Refusal):
    """No provider is configured."""

    status_code = 404
    reason = "OIDC_OFF"


class OidcAway(Refusal):
    """The provider does not answer, or not as one."""

    status_code = 503
    reason = "OIDC_AWAY"


class OidcDenied(Refusal):
    """The provider did not let them in, or the person gave up."""

    status_code = 403
    reason = "OIDC_DENIED"


class OidcStateUnknown(Refusal):
    """This browser has not begun it, or too long ago."""

    status_code = 403
    reason = "OIDC_STATE_UNKNOWN"


class OidcStateUsed(Refusal):
    """An answer of the provider is taken once."""

    status_code = 409
    reason = "OIDC_STATE_USED"


class OidcCodeRefused(Refusal):
    """The provider does not take its code back."""

    status_code = 401
    reason = "OIDC_CODE_REFUSED"


class OidcSignatureWrong(Refusal):
    """The token is no token, or none of the provider's keys has signed it."""

    status_code = 401
    reason = "OIDC_SIGNATURE_WRONG"


class OidcIssuerWrong(Refusal):
    """Another provider speaks."""

    status_code = 401
    reason = "OIDC_ISSUER_WRONG"


class OidcAudienceWrong(Refusal):
    """The token was made for another application."""

    status_code = 401
    reason = "OIDC_AUDIENCE_WRONG"


class OidcNonceWrong(Refusal):
    """The token was made for another sign-in."""

    status_code = 401
    reason = "OIDC_NONCE_WRONG"


class OidcTokenExpired(Refusal):
    """The token's time is over."""

    status_code = 401
    reason = "OIDC_TOKEN_EXPIRED"


class OidcClaimWrong(Refusal):
    """A claim is missing or has the wrong form; ``path`` names it."""

    status_code = 401
    reason = "OIDC_CLAIM_WRONG"


class OidcEmailUnverified(Refusal):
    """The provider does not vouch for an e-mail address, and knows the person by no other name of ours."""

    status_code = 403
    reason = "OIDC_EMAIL_UNVERIFIED"


class OidcPersonUnknown(Refusal):
    """The provider knows them, and we do not."""

    status_code = 403
    reason = "OIDC_PERSON_UNKNOWN"


class OidcGroupsMissing(Refusal):
    """Roles come from groups, and the token has none."""

    status_code = 403
    reason = "OIDC_GROUPS_MISSING"


class OidcSecondFactorMissing(Refusal):
    """A role asks for a second factor, and the provider does not say that it did."""

    status_code = 403
    reason = "OIDC_SECOND_FACTOR_MISSING"


class PersonBlocked(Refusal):
    """Somebody is blocked here, whoever vouches for them."""

    status_code = 403
    reason = "PERSON_BLOCKED"
