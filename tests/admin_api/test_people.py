"""People: signing in and out, delays, second factors, roles granted by others, passwords given."""

from __future__ import annotations

import asyncio
from base64 import b32decode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher, Type

from altyn.admin_api.edge.rights import Grant, Owes
from altyn.admin_api.people import passwords, sessions, totp
from altyn.admin_api.people.errors import SignInRefused
from tests.admin_api.desk import STORE, Desk

PASSWORD = "correct horse battery"
START = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **given: float) -> None:
        self.now += timedelta(**given)


@dataclass
class Somebody:
    """One who signs in as a person would."""

    desk: Desk
    login: str
    password: str
    secret: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    async def sign_in(self, **other: str) -> httpx.Response:
        code = totp.code_at(self.secret, totp.step_at(self.desk.office.clock())) if self.secret else ""
        body = {"login": self.login, "password": self.password, "code": code} | other
        answer = await self.desk.client.post("/v1/sessions", json=body)
        if answer.status_code == 201:
            self.headers = {"authorization": f"Bearer {answer.json()['token']}"}
        return answer

    async def call(self, method: str, path: str, **given: Any) -> httpx.Response:
        return await self.desk.call(method, path, headers=self.headers, **given)

    async def reason(self, method: str, path: str, **given: Any) -> str:
        answer = await self.call(method, path, **given)
        return "" if answer.status_code < 300 else answer.json()["reason"]


@pytest.fixture(autouse=True)
def quick_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a hash costs is not looked at here."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    assert (passwords.HASHER.memory_cost, passwords.HASHER.time_cost, passwords.HASHER.type) == (65_536, 3, Type.ID)
    monkeypatch.setattr(passwords, "HASHER", quick)


@pytest.fixture
def clock(desk: Desk) -> Clock:
    clock = Clock()
    desk.office.clock = clock
    return clock


async def let_in(desk: Desk, login: str, *grants: dict[str, str]) -> Somebody:
    """Added, with the password given; not signed in yet."""
    made = await desk.post("/v1/people", json={"person_id": login, "name": login, "grants": list(grants)})
    assert made.status_code == 201, made.text
    return Somebody(desk, login, made.json()["password"])


async def settle(one: Somebody) -> None:
    """Sign in, change the password that was given, set up a second factor."""
    assert (await one.sign_in()).status_code == 201
    changed = await one.call("PUT", "/v1/me/password", json={"present": one.password, "new": PASSWORD})
    assert changed.status_code == 204, changed.text
    one.password = PASSWORD
    began = await one.call("POST", "/v1/me/second-factor", json={"password": PASSWORD})
    secret = b32decode(began.json()["secret"])
    code = totp.code_at(secret, totp.step_at(one.desk.office.clock()))
    confirmed = await one.call("POST", "/v1/me/second-factor/confirm", json={"code": code})
    assert confirmed.status_code == 204, confirmed.text
    one.secret = secret


async def test_first_sign_in_changes_the_password_and_sets_up_the_second_factor(desk: Desk, clock: Clock) -> None:
    anna = await let_in(desk, "anna", {"role": "ADMINISTRATOR"})
    assert (await anna.sign_in()).json()["owes"] == "PASSWORD"
    assert await anna.reason("GET", "/v1/people") == "PASSWORD_GIVEN"
    weak = {"present": anna.password, "new": "anna anna anna anna"}
    assert await anna.reason("PUT", "/v1/me/password", json=weak) == "PASSWORD_WEAK"
    wrong = {"present": "something else", "new": PASSWORD}
    assert await anna.reason("PUT", "/v1/me/password", json=wrong) == "PASSWORD_WRONG"
    assert await anna.reason("PUT", "/v1/me/password", json={"present": anna.password, "new": PASSWORD}) == ""
    anna.password = PASSWORD
    assert (await anna.call("GET", "/v1/me")).json()["owes"] == "SECOND_FACTOR"
    assert await anna.reason("GET", "/v1/people") == "SECOND_FACTOR_MISSING"
    assert await anna.reason("POST", "/v1/me/second-factor/confirm", json={"code": "123456"}) == "CODE_WRONG"
    began = (await anna.call("POST", "/v1/me/second-factor", json={"password": PASSWORD})).json()
    secret = b32decode(began["secret"])
    assert began["uri"].startswith("otpauth://totp/Altyn:anna?secret=")
    code = totp.code_at(secret, totp.step_at(clock.now))
    assert await anna.reason("POST", "/v1/me/second-factor/confirm", json={"code": code}) == ""
    assert await anna.reason("GET", "/v1/people") == ""
    assert await anna.reason("POST", "/v1/me/second-factor", json={"password": PASSWORD}) == "SECOND_FACTOR_SET"
    kept = await desk.rows("SELECT * FROM people")
    assert not [value for value in kept[0].values() if value in (secret, began["secret"], PASSWORD)]


async def test_sign_in_needs_a_code_that_opens_once(desk: Desk, clock: Clock) -> None:
    anna = await let_in(desk, "anna", {"role": "ADMINISTRATOR"})
    await settle(anna)
    assert (await anna.sign_in()).status_code == 401, "this code has confirmed the second factor"
    clock.pass_by(seconds=30)
    assert (await anna.sign_in(code="")).json()["reason"] == "SIGN_IN_REFUSED"
    assert (await anna.sign_in()).status_code == 201
    assert (await anna.sign_in()).json()["reason"] == "SIGN_IN_REFUSED"
    clock.pass_by(seconds=90)
    stale = totp.code_at(anna.secret, totp.step_at(clock.now) - 2)
    assert (await anna.sign_in(code=stale)).json()["reason"] == "SIGN_IN_REFUSED"
    late = totp.code_at(anna.secret, totp.step_at(clock.now) - 1)
    assert (await anna.sign_in(code=late)).status_code == 201


async def test_sign_in_refused_does_not_tell_what_was_wrong(desk: Desk, clock: Clock) -> None:
    anna = await let_in(desk, "anna", {"role": "MARKETER"})
    blocked = await let_in(desk, "boris", {"role": "MARKETER"})
    await desk.put("/v1/people/boris/state", json={"state": "BLOCKED"})
    answers = [
        await anna.sign_in(password="wrong"),
        await anna.sign_in(login="nobody"),
        await anna.sign_in(login="a\0b"),
        await blocked.sign_in(),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert (await anna.sign_in(login=" Anna ")).status_code == 201, "a login is trimmed and in lower case"


async def test_failures_delay_the_next_attempt_for_known_and_unknown_alike(desk: Desk, clock: Clock) -> None:
    anna = await let_in(desk, "anna", {"role": "MARKETER"})
    for login in ("anna", "nobody"):
        for _ in range(sessions.FREE_FAILURES):
            assert (await anna.sign_in(login=login, password="wrong")).status_code == 401
        delayed = await anna.sign_in(login=login)
        assert (delayed.status_code, delayed.json()["reason"]) == (429, "SIGN_IN_DELAYED")
        assert delayed.headers["retry-after"] == "1"
    waits = []
    for _ in range(9):
        clock.pass_by(seconds=60)
        await anna.sign_in(login="nobody", password="wrong")
        waits.append(int((await anna.sign_in(login="nobody", password="wrong")).headers["retry-after"]))
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert (await anna.sign_in()).status_code == 201, "a stranger's guesses lock nobody out for long"
    assert (await anna.sign_in(password="wrong")).status_code == 401, "a success forgets the failures"
    clock.pass_by(hours=2)
    assert (await anna.sign_in(login="nobody", password="wrong")).status_code == 401
    assert (await anna.sign_in(login="nobody", password="wrong")).status_code == 401, "an hour forgets them too"


async def test_guesses_sent_at_once_are_counted_one_by_one(
    desk: Desk, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = 0

    async def is_right(*_: object) -> bool:
        nonlocal looked_at
        looked_at += 1
        return False

    monkeypatch.setattr(passwords, "is_right", is_right)
    anna = await let_in(desk, "anna", {"role": "MARKETER"})
    answers = await asyncio.gather(*(anna.sign_in(password=f"guess {number}") for number in range(20)))
    assert looked_at == sessions.FREE_FAILURES
    assert sorted({answer.status_code for answer in answers}) == [401, 429]


async def test_stolen_session_is_no_place_to_guess_the_password(desk: Desk, clock: Clock) -> None:
    anna = await let_in(desk, "anna", {"role": "MARKETER"})
    await anna.sign_in()
    guess = {"present": "a guess", "new": PASSWORD}
    found = [await anna.reason("PUT", "/v1/me/password", json=guess) for _ in range(sessions.FREE_FAILURES + 1)]
    assert found == ["PASSWORD_WRONG"] * sessions.FREE_FAILURES + ["SIGN_IN_DELAYED"]


async def test_session_ends_when_unused_or_old_and_at_once_when_signed_out(desk: Desk, clock: Clock) -> None:
    token = await desk.token_of("anna", Grant("MARKETER", "NETWORK"))
    assert (await sessions.who(desk.office, token)) is not None
    for _ in range(20):
        clock.pass_by(minutes=29)
        assert await sessions.who(desk.office, token)
    clock.pass_by(minutes=31)
    assert await sessions.who(desk.office, token) is None
    token = await desk.token_of("anna", Grant("MARKETER", "NETWORK"))
    for _ in range(25):
        clock.pass_by(minutes=28)
        assert await sessions.who(desk.office, token)
    clock.pass_by(minutes=25)
    assert await sessions.who(desk.office, token) is None, "12 h are the end"
    token = await desk.token_of("anna", Grant("MARKETER", "NETWORK"))
    await sessions.sign_out(desk.office, token)
    await sessions.sign_out(desk.office, token)
    assert await sessions.who(desk.office, token) is None
    assert [deed for deed in await desk.deeds() if deed.startswith("sessions")] == ["sessions.start"] * 3 + [
        "sessions.end"
    ]


async def test_token_is_kept_as_a_hash_and_nothing_else_opens(desk: Desk, clock: Clock) -> None:
    token = await desk.token_of("anna", Grant("MARKETER", "NETWORK"))
    [row] = await desk.rows("SELECT * FROM person_sessions")
    assert token.removeprefix("s_") not in {str(value) for value in row.values()}
    assert row["token_hash"] == sessions.hash_token(token)
    for other in ("", "s_", token[2:], token + "0", token.upper(), "s_" + row["token_hash"].hex(), "s_é"):
        assert await sessions.who(desk.office, other) is None


async def test_person_blocked_or_reset_is_out_at_once(desk: Desk, clock: Clock) -> None:
    anna = await let_in(desk, "anna", {"role": "MARKETER"})
    for path, body in (
        ("PUT /v1/people/anna/state", {"state": "BLOCKED"}),
        ("PUT /v1/people/anna/state", {"state": "ACTIVE"}),
        ("POST /v1/people/anna/password", None),
        ("DELETE /v1/people/anna/second-factor", None),
        ("DELETE /v1/people/anna/sessions", None),
    ):
        token = await desk.token_of("anna", Grant("MARKETER", "NETWORK"))
        stays = body == {"state": "ACTIVE"}
        method, _, address = path.partition(" ")
        answer = await desk.call(method, address, json=body)
        assert answer.status_code < 300, answer.text
        assert (await sessions.who(desk.office, token) is None) is not stays
    assert (await anna.sign_in()).status_code == 401, "the password was reset"


async def test_role_taken_away_is_gone_in_the_open_session(desk: Desk, clock: Clock) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    await let_in(desk, "anna", {"role": "MARKETER"})
    token = await desk.token_of("anna", Grant("MARKETER", "NETWORK"))
    headers = {"authorization": f"Bearer {token}"}
    assert (await desk.get("/v1/stores/s1", headers=headers)).status_code == 200
    changed = await desk.put("/v1/people/anna/grants", json={"grants": [{"role": "CALL_CENTRE"}]})
    assert [one["role"] for one in changed.json()["grants"]] == ["CALL_CENTRE"]
    assert (await desk.get("/v1/stores/s1", headers=headers)).json()["reason"] == "SCOPE_MISSING"


async def test_nobody_changes_their_own_rights_and_the_last_administrator_stays(desk: Desk, clock: Clock) -> None:
    admin, other = Grant("ADMINISTRATOR", "NETWORK"), Grant("ADMINISTRATOR", "REGION", "msk")
    anna = {"authorization": f"Bearer {await desk.token_of('anna', admin)}"}
    boris = {"authorization": f"Bearer {await desk.token_of('boris', admin)}"}
    grants = {"grants": [{"role": "MARKETER"}]}
    for method, path, body in (
        ("PUT", "/v1/people/anna/grants", grants),
        ("PUT", "/v1/people/anna/state", {"state": "BLOCKED"}),
        ("POST", "/v1/people/anna/password", None),
        ("DELETE", "/v1/people/anna/second-factor", None),
    ):
        refused = await desk.call(method, path, json=body, headers=anna)
        assert (refused.status_code, refused.json()["reason"]) == (403, "NOT_FOR_ONESELF")
    assert (await desk.put("/v1/people/boris/grants", json=grants, headers=anna)).status_code == 200
    assert (await desk.get("/v1/people", headers=boris)).json()["reason"] == "SCOPE_MISSING"
    await desk.token_of("clara", other)
    await desk.token_of("boris", admin)
    await desk.rows("UPDATE people SET state = 'BLOCKED' WHERE person_id = 'anna'")
    last = await desk.call("PUT", "/v1/people/boris/grants", json=grants, headers=boris)
    assert last.json()["reason"] == "NOT_FOR_ONESELF"
    both = {"grants": [{"role": "ADMINISTRATOR"}, {"role": "AUDITOR"}]}
    assert (await desk.put("/v1/people/clara/grants", json=both)).json()["reason"] == "ROLES_CONFLICT"


async def test_last_two_administrators_cannot_remove_one_another_at_once(desk: Desk, clock: Clock) -> None:
    admin = Grant("ADMINISTRATOR", "NETWORK")
    tokens = {login: await desk.token_of(login, admin) for login in ("anna", "boris")}
    answers = await asyncio.gather(
        *(
            desk.put(
                f"/v1/people/{other}/state",
                json={"state": "BLOCKED"},
                headers={"authorization": f"Bearer {tokens[login]}"},
            )
            for login, other in (("anna", "boris"), ("boris", "anna"))
        )
    )
    assert len(await desk.rows("SELECT FROM people WHERE state = 'ACTIVE'")) == 1, [one.text for one in answers]


async def test_key_issued_by_a_person_has_only_what_they_may_do_everywhere(desk: Desk, clock: Clock) -> None:
    grants = (Grant("ADMINISTRATOR", "NETWORK"), Grant("MARKETER", "REGION", "msk"))
    headers = {"authorization": f"Bearer {await desk.token_of('anna', *grants)}"}
    for scope, expected in (("stores:write", 201), ("promotions:write", 403), ("releases:publish", 403)):
        made = await desk.post("/v1/keys", json={"title": "k", "scopes": [scope]}, headers=headers)
        assert made.status_code == expected, scope


async def test_people_are_added_once_and_their_passwords_shown_once(desk: Desk, clock: Clock) -> None:
    anna, once = {"person_id": "anna"}, {"idempotency-key": "once"}
    made = await desk.post("/v1/people", json=anna, headers=once)
    assert (await desk.post("/v1/people", json=anna, headers=once)).json()["reason"] == "ANSWER_SHOWN_ONCE"
    assert (await desk.post("/v1/people", json=anna)).json()["reason"] == "PERSON_EXISTS"
    kept = await desk.rows("SELECT body FROM admin_answers UNION ALL SELECT after::text::bytea FROM audit_log")
    assert not [row for row in kept if row["body"] and made.json()["password"].encode() in row["body"]]
    for wrong in ({"person_id": "Anna"}, {"person_id": "a"}, {"person_id": "anna/b"}):
        assert (await desk.post("/v1/people", json=wrong)).status_code == 422
    for grant in ({"role": "KING"}, {"role": "MARKETER", "reach": "STORE"}, {"role": "MARKETER", "place": "s1"}):
        assert (await desk.post("/v1/people", json={"person_id": "boris", "grants": [grant]})).status_code == 422
    assert (await desk.get("/v1/people/nobody")).json()["reason"] == "PERSON_UNKNOWN"
    listed = (await desk.get("/v1/people?limit=1")).json()
    assert (listed["people"][0]["person_id"], listed["next_after"]) == ("anna", None)


async def test_table_of_roles_is_told(desk: Desk) -> None:
    told = (await desk.get("/v1/roles")).json()
    roles = {one["role"]: one for one in told["roles"]}
    assert roles["ADMINISTRATOR"]["conflicts_with"] == ["AUDITOR"]
    assert (roles["MARKETER"]["needs_second_factor"], roles["AUDITOR"]["needs_second_factor"]) == (False, True)
    assert "cards:token" in told["keys_only"]


async def test_person_knows_where_they_may_do_what(desk: Desk, clock: Clock) -> None:
    token = await desk.token_of("anna", Grant("STORE_DIRECTOR", "REGION", "msk"))
    person = await sessions.who(desk.office, token)
    assert person is not None and (person.actor, person.owes) == ("person:anna", Owes.NOTHING)
    assert person.may("exceptions:read") and person.may("exceptions:read", "s1", "msk")
    assert not person.may("exceptions:read", "s1", "spb") and not person.may("promotions:write")
    assert person.may("cards:block", "s1", "spb"), "a card belongs to no store"


async def test_sign_in_by_function_tells_the_token_once(desk: Desk, clock: Clock) -> None:
    anna = await let_in(desk, "anna", {"role": "MARKETER"})
    made = await sessions.sign_in(desk.office, login="anna", password=anna.password)
    assert made.token not in repr(made)
    assert made.expires_at == clock.now + sessions.LIFE
    with pytest.raises(SignInRefused):
        await sessions.sign_in(desk.office, login="anna", password="")


def test_codes_are_those_of_the_rfc() -> None:
    """RFC 6238, appendix B, SHA-1, the last six of eight digits."""
    secret = b"12345678901234567890"
    for at, code in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")):
        assert totp.code_at(secret, at // totp.STEP_S) == code
    salts = {totp.secret_of(bytes(32), "demo", login, salt) for login in ("a", "b") for salt in (b"x", b"y")}
    assert len(salts) == 4


async def test_recovery_code_opens_once_and_only_its_owners_door(desk: Desk, clock: Clock) -> None:
    anna, boris = [await let_in(desk, login, {"role": "MARKETER"}) for login in ("anna", "boris")]
    assert (await anna.sign_in()).status_code == 201
    assert (await anna.call("PUT", "/v1/me/password", json={"present": anna.password, "new": PASSWORD})).is_success
    early = await anna.call("POST", "/v1/me/recovery-codes", json={"password": PASSWORD})
    assert early.json()["reason"] == "SECOND_FACTOR_UNSET"
    anna.password = (await desk.post("/v1/people/anna/password")).json()["password"]
    await settle(anna)
    await settle(boris)
    first = (await anna.call("POST", "/v1/me/recovery-codes", json={"password": PASSWORD})).json()["codes"]
    codes = (await anna.call("POST", "/v1/me/recovery-codes", json={"password": PASSWORD})).json()["codes"]
    assert len(set(first) | set(codes)) == 20
    typed = codes[0].replace("-", " ").upper()
    for one, code, status in (
        (anna, first[0], 401),
        (boris, codes[0], 401),
        (anna, "", 401),
        (anna, typed, 201),
        (anna, typed, 401),
        (anna, codes[1], 201),
    ):
        clock.pass_by(minutes=2)
        assert (await one.sign_in(code=code)).status_code == status, code
    assert (await anna.call("GET", "/v1/me")).json()["recovery_codes_count"] == 8
    assert "people.use_recovery_code" in await desk.deeds()
    kept = str(await desk.rows("SELECT * FROM person_recovery_codes"))
    assert codes[2] not in kept and codes[2].replace("-", "") not in kept
    clock.pass_by(minutes=2)
    await desk.delete("/v1/people/anna/second-factor")
    assert await desk.rows("SELECT FROM person_recovery_codes") == []
