"""What can be wrong with people and their sign-in."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class SignInRefused(Refusal):
    """Login, password or code is not right, or the person is blocked: all the same from outside."""

    status_code = 401
    reason = "SIGN_IN_REFUSED"


class SignInDelayed(Refusal):
    """Too many attempts failed. Nothing was looked at: wait."""

    status_code = 429
    reason = "SIGN_IN_DELAYED"


class PersonUnknown(Refusal):
    status_code = 404
    reason = "PERSON_UNKNOWN"


class PersonExists(Refusal):
    """A login is somebody's for ever: the audit log names it."""

    status_code = 409
    reason = "PERSON_EXISTS"


class EmailTaken(Refusal):
    """Two people of one address could not be told apart by a provider."""

    status_code = 409
    reason = "EMAIL_TAKEN"


class NotForOneself(Refusal):
    """Nobody grants to, blocks or resets themselves here."""

    status_code = 403
    reason = "NOT_FOR_ONESELF"


class RolesConflict(Refusal):
    """Nobody has these roles together."""

    status_code = 422
    reason = "ROLES_CONFLICT"


class LastAdministrator(Refusal):
    """Without one nobody could grant roles again."""

    status_code = 409
    reason = "LAST_ADMINISTRATOR"


class PasswordWrong(Refusal):
    """The present password is not this."""

    status_code = 403
    reason = "PASSWORD_WRONG"


class CodeWrong(Refusal):
    """The code is not of now, or was used."""

    status_code = 422
    reason = "CODE_WRONG"


class SecondFactorSet(Refusal):
    """There is one; somebody else must reset it first."""

    status_code = 409
    reason = "SECOND_FACTOR_SET"


class SecondFactorUnset(Refusal):
    """There is none yet that codes could stand for."""

    status_code = 409
    reason = "SECOND_FACTOR_UNSET"


class SessionUnknown(Refusal):
    status_code = 404
    reason = "SESSION_UNKNOWN"
