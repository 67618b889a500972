"""An identity provider (OpenID Connect): where it is, its keys, and what it says about somebody.

The provider is believed when its own key has signed the token, and issuer, audience, nonce and times are right; nothing
is believed of its other answers. Its description is kept for an hour; its keys until a token is signed by another one.
Invariants: every wait, answer and number of exchanges at once has a bound; no redirect is followed; only HTTPS, or HTTP
on this machine. It must never log a code, a token or the client's secret, and never decides who may come in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
import orjson
from joserfc import jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError, MissingClaimError
from joserfc.jwk import JWKRegistry, Key, KeySet

from altyn.admin_api.edge.problems import Busy, Refusal
from altyn.admin_api.people.provider_errors import (
    OidcAudienceWrong,
    OidcAway,
    OidcClaimWrong,
    OidcCodeRefused,
    OidcIssuerWrong,
    OidcNonceWrong,
    OidcSignatureWrong,
    OidcTokenExpired,
)
from altyn.infra.settings import Settings

DESCRIPTION = "/.well-known/openid-configuration"
BACK = "/console/sign-in/oidc/back"
#: What may sign a token: keys of the provider alone, never the client's secret, never nothing.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
KEY_TYPES = ("RSA", "EC")
DESCRIBED_FOR = timedelta(hours=1)
KEYS_KEPT_MIN = timedelta(seconds=10)  # tokens of made-up keys must not make us ask for ever
LEEWAY_S = 60
TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 1 << 18
KEYS_MAX = 100
AT_ONCE_MAX = 16
SUBJECT_CHARS_MAX = 255
EMAIL_CHARS_MAX = 254
GROUPS_MAX = 2_000
#: Values of ``amr`` (RFC 8176) that stand for more than one factor.
SEVERAL_FACTORS = frozenset({"mfa"})
WRONG: Mapping[str, type[Refusal]] = {
    "iss": OidcIssuerWrong,
    "aud": OidcAudienceWrong,
    "azp": OidcAudienceWrong,
    "nonce": OidcNonceWrong,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """How the provider and we know each other; ``acr`` are values that prove a second factor."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    console_url: str
    scope: str = "openid email"
    groups_claim: str = "groups"
    acr: tuple[str, ...] = ()
    is_two_factor: bool = False

    @property
    def back(self) -> str:
        """Where the provider sends people back to: it must know this address."""
        return self.console_url + BACK


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is to the provider. ``email`` is empty unless it is verified, ``groups`` None when it tells none."""

    subject: str
    email: str
    groups: frozenset[str] | None
    has_second_factor: bool


class Provider:
    """One provider, as configured."""

    def __init__(self, terms: Terms, clock: Callable[[], datetime]) -> None:
        self.terms = terms
        self._clock = clock
        self._described: tuple[dict[str, Any], datetime] | None = None
        self._keys: tuple[KeySet, datetime] | None = None
        self._busy_count = 0

    async def address(self, *, state: str, nonce: str, challenge: str) -> str:
        """Where to send a browser. Raises OidcAway, Busy."""
        described = await self._description()
        asked = {
            "response_type": "code",
            "client_id": self.terms.client_id,
            "redirect_uri": self.terms.back,
            "scope": self.terms.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if self.terms.acr:
            asked["acr_values"] = " ".join(self.terms.acr)
        address = str(described["authorization_endpoint"])
        return address + ("&" if "?" in address else "?") + urlencode(asked)

    async def identity(self, *, code: str, verifier: str, nonce: str) -> Identity:
        """Who has come back with this code. Raises OidcAway, OidcCodeRefused, Busy, and as ``_believed``."""
        described = await self._description()
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.terms.back,
            "code_verifier": verifier,
            "client_id": self.terms.client_id,
        }
        auth: tuple[str, str] | None = None
        if self.terms.client_secret:
            known = described.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
            if "client_secret_basic" in known:
                # RFC 6749, 2.3.1: both are form-encoded before they become a user and a password.
                auth = quote(self.terms.client_id, safe=""), quote(self.terms.client_secret, safe="")
            else:
                asked["client_secret"] = self.terms.client_secret
        status, answer = await self._ask("POST", str(described["token_endpoint"]), data=asked, auth=auth)
        if 400 <= status < 500:
            raise OidcCodeRefused("the provider does not take its code back", path="code")
        token = answer.get("id_token") if isinstance(answer, dict) else None
        if status != 200 or not isinstance(token, str):
            raise OidcAway("the provider's answer to a code holds no token")
        return self._identity(self._believed(await self._claims(token), nonce))

    async def _description(self) -> dict[str, Any]:
        now = self._clock()
        if self._described is None or now - self._described[1] >= DESCRIBED_FOR:
            status, found = await self._ask("GET", self.terms.issuer.rstrip("/") + DESCRIPTION)
            if status != 200 or not isinstance(found, dict):
                raise OidcAway("the provider does not describe itself")
            if found.get("issuer") != self.terms.issuer:
                raise OidcIssuerWrong("the provider describes itself by another name than ALTYN_OIDC_ISSUER")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not _is_safe(found.get(name)):
                    raise OidcAway(f"the provider's {name} is no HTTPS address", path=name)
            self._described = found, now
        return self._described[0]

    async def _claims(self, token: str) -> dict[str, Any]:
        """Of a token that one of the provider's keys has signed; new keys are asked for when none has."""
        keys, read_at = self._keys or await self._read_keys()
        try:
            return _signed(token, keys)
        except OidcSignatureWrong:
            if self._clock() - read_at < KEYS_KEPT_MIN:
                raise
        return _signed(token, (await self._read_keys())[0])

    async def _read_keys(self) -> tuple[KeySet, datetime]:
        status, answer = await self._ask("GET", str((await self._description())["jwks_uri"]))
        listed = answer.get("keys") if isinstance(answer, dict) else None
        if status != 200 or not isinstance(listed, list):
            raise OidcAway("the provider does not show its keys")
        keys: list[Key] = []
        for one in listed[:KEYS_MAX]:
            if isinstance(one, dict) and one.get("kty") in KEY_TYPES and one.get("use", "sig") == "sig":
                try:
                    keys.append(JWKRegistry.import_key(one))
                except (JoseError, ValueError):
                    continue  # of a kind that is newer than we are
        self._keys = KeySet(keys), self._clock()
        return self._keys

    def _believed(self, claims: dict[str, Any], nonce: str) -> dict[str, Any]:
        """Raises OidcIssuerWrong, OidcAudienceWrong, OidcNonceWrong, OidcTokenExpired, OidcClaimWrong."""
        terms = self.terms
        registry = jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": terms.issuer},
            aud={"essential": True, "value": terms.client_id},
            azp={"essential": isinstance(claims.get("aud"), list) and len(claims["aud"]) > 1, "value": terms.client_id},
            nonce={"essential": True, "value": nonce},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            registry.validate(claims)
        except ExpiredTokenError:
            raise OidcTokenExpired("the provider's token has expired", path="exp") from None
        except MissingClaimError as error:
            raise OidcClaimWrong(f"the provider's token has no {error.claim}", path=error.claim) from None
        except ClaimError as error:
            refusal = WRONG.get(error.claim, OidcClaimWrong)
            raise refusal(f"{error.claim} of the provider's token is not right", path=error.claim) from None
        return claims

    def _identity(self, claims: dict[str, Any]) -> Identity:
        """Raises OidcClaimWrong."""
        subject, email, groups = claims["sub"], claims.get("email"), claims.get(self.terms.groups_claim)
        if not 0 < len(subject) <= SUBJECT_CHARS_MAX or not subject.isprintable():
            raise OidcClaimWrong("sub of the provider's token is too long", path="sub")
        if not isinstance(email, str) or claims.get("email_verified") is not True:
            email = ""
        if len(email) > EMAIL_CHARS_MAX or not email.isprintable():
            raise OidcClaimWrong("email of the provider's token is too long", path="email")
        if groups is not None and (
            not isinstance(groups, list) or len(groups) > GROUPS_MAX or not all(isinstance(one, str) for one in groups)
        ):
            raise OidcClaimWrong("the groups of the provider's token are no list of names", path="groups")
        told = claims.get("amr")
        several = isinstance(told, list) and not SEVERAL_FACTORS.isdisjoint(map(str, told))
        return Identity(
            subject,
            email.strip().lower(),
            None if groups is None else frozenset(groups),
            self.terms.is_two_factor or several or claims.get("acr") in self.terms.acr,
        )

    async def _ask(
        self, method: str, address: str, *, data: dict[str, str] | None = None, auth: tuple[str, str] | None = None
    ) -> tuple[int, Any]:
        """(status, JSON or None). Raises OidcAway, Busy."""
        if self._busy_count >= AT_ONCE_MAX:
            raise Busy("too many sign in at once", retry_after_s=1)
        self._busy_count += 1
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client,
                client.stream(method, address, data=data, auth=auth, headers=headers) as response,
            ):
                text = bytearray()
                async for part in response.aiter_raw():
                    text += part
                    if len(text) > ANSWER_BYTES_MAX:
                        raise OidcAway("the provider says too much")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError):
            raise OidcAway("the provider does not answer") from None
        finally:
            self._busy_count -= 1
        try:
            return response.status_code, orjson.loads(bytes(text))
        except orjson.JSONDecodeError:
            return response.status_code, None


def provider_terms(settings: Settings) -> Terms:
    """What the settings say of the provider."""
    return Terms(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        console_url=settings.console_url,
        scope=settings.oidc_scope,
        groups_claim=settings.oidc_groups_claim,
        acr=tuple(settings.oidc_acr.split()),
        is_two_factor=settings.oidc_second_factor == "always",
    )


def _signed(token: str, keys: KeySet) -> dict[str, Any]:
    """The claims. A token that names no key is taken from a provider that has one. Raises OidcSignatureWrong."""
    try:
        return jwt.decode(token, keys.keys[0] if len(keys.keys) == 1 else keys, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError):
        raise OidcSignatureWrong("none of the provider's keys has signed this token") from None


def _is_safe(address: object) -> bool:
    if not isinstance(address, str):
        return False
    parts = urlsplit(address)
    is_near = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    return bool(parts.hostname) and (parts.scheme == "https" or is_near)
