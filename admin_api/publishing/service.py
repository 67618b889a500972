"""The acts of publishing: submit, withdraw, approve, reject, publish, unschedule, suspend, resume.

Each is one audited transaction; done twice it is done once; out of order it is refused. Invariants: nobody approves
what they wrote or submitted, unless four eyes are switched off; only what was approved, unchanged since, is published
by a person; a promotion that is stopped leaves what is in force, and what waits, by one act, and nothing else changes
with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from altyn.admin_api.edge.call import Call
from altyn.admin_api.promotions.service import Document, kind_of, out_of_order, promotion_to_change, store
from altyn.admin_api.publishing import repository
from altyn.admin_api.publishing.errors import CasesDiffer, FourEyes, ReviewExpired
from altyn.admin_api.publishing.guards import Findings, look_at, told, told_breaches
from altyn.admin_api.rails.errors import RailsBroken
from altyn.admin_api.rails.rehearsal import Rehearsed
from altyn.admin_api.rails.repository import insert_baseline
from altyn.admin_api.releases.compiling import Compiler
from altyn.admin_api.releases.service import Published, change_in_force, documents_at

REVIEW_LIFE = timedelta(hours=72)
FAR = datetime.fromisoformat("9999-01-01T00:00:00+00:00")


async def submit(call: Call, compiler: Compiler, *, before: asyncpg.Record, note: str) -> None:
    """DRAFT → REVIEW, with what the guards found. Raises OutOfOrder, ReleaseInvalid, LintBlocks."""
    if before["state"] == "REVIEW":
        return
    if before["state"] != "DRAFT":
        raise out_of_order(before, "only a DRAFT is submitted")
    found = await look_at(call, compiler, document=before["document"], others=await documents_at(call, FAR))
    four_eyes, from_ppm = await repository.publishing_rules(call.connection, call.tenant)
    needed = 2 if four_eyes and found.expected_discount_ppm >= from_ppm else 1
    authors = await repository.authors_of(
        call.connection, call.tenant, before["promotion_id"], before["released_revision"] or 0
    )
    revision = await store(
        call,
        before,
        document=before["document"],
        state="REVIEW",
        verb="submit",
        note=note,
        approvals_needed=needed,
        expected_discount_ppm=found.expected_discount_ppm,
    )
    await repository.open_review(
        call.connection,
        call.tenant,
        before["promotion_id"],
        revision=revision,
        authors=sorted({*authors, call.actor}),
        submitted=(call.actor, call.now, call.now + REVIEW_LIFE, note),
        approvals_needed=needed,
        expected_discount_ppm=found.expected_discount_ppm,
        remarks=found.remarks,
        differences=found.differences,
        cases_count=found.cases_count,
        breaches=found.rehearsed.breaches,
        rehearsed_count=found.rehearsed.receipts_count,
    )


async def withdraw(call: Call, *, before: asyncpg.Record) -> None:
    """REVIEW or APPROVED → DRAFT. Raises OutOfOrder."""
    review = await last_review(call, before["promotion_id"])
    if before["state"] == "DRAFT" and review and review["state"] == "WITHDRAWN":
        return
    if before["state"] not in ("REVIEW", "APPROVED"):
        raise out_of_order(before, "there is nothing to withdraw")
    await store(call, before, document=before["document"], state="DRAFT", verb="withdraw")


async def approve(
    call: Call, *, before: asyncpg.Record, note: str, accepts_differences: bool, override_reason: str = ""
) -> None:
    """REVIEW → APPROVED with the last approval that is needed. ``override_reason``: why a rail may be broken. Raises
    OutOfOrder, PersonNeeded, FourEyes, ReviewExpired, CasesDiffer, RailsBroken.
    """
    four_eyes, _ = await repository.publishing_rules(call.connection, call.tenant)
    actor = call.signed_in().actor if four_eyes else call.actor
    review = await last_review(call, before["promotion_id"])
    approvers = {one["approved_by"] for one in review["approvals"]} if review else set()
    if review and actor in approvers and before["state"] in ("REVIEW", "APPROVED"):
        return
    if before["state"] != "REVIEW" or review is None:
        raise out_of_order(before, "only what is in REVIEW is approved")
    if call.now >= review["expires_at"]:
        raise ReviewExpired("it was submitted too long ago: withdraw it and submit it again", path="state")
    if four_eyes and actor in review["authors"]:
        raise FourEyes("you wrote or submitted this: somebody else approves it")
    if review["differences"] and not accepts_differences:
        raise CasesDiffer(
            "sample receipts come out differently: approve with accepts_differences",
            path="accepts_differences",
            problems=told(review["differences"]),
        )
    if review["breaches"] and not override_reason:
        raise RailsBroken(
            "the last receipts would break a guard rail: approve with override_reason",
            path="override_reason",
            problems=told_breaches(review["breaches"]),
        )
    overridden = override_reason if review["breaches"] else ""
    await repository.approve(
        call.connection, call.tenant, before["promotion_id"], review["review_no"], actor, call.now, note, overridden
    )
    given = {"note": note, "review_no": review["review_no"], "four_eyes": four_eyes}
    if overridden:
        given |= {"override_reason": overridden, "breaches": review["breaches"]}
    if len(approvers) + 1 < review["approvals_needed"]:
        left = review["approvals_needed"] - len(approvers) - 1
        kind = kind_of(before["document"])
        call.record(f"{kind}s.approve", kind, before["promotion_id"], after={**given, "approvals_left": left})
        return
    await _decide(call, before, "APPROVED")
    await store(call, before, document=before["document"], state="APPROVED", verb="approve", **given)


async def reject(call: Call, *, before: asyncpg.Record, reason: str) -> None:
    """REVIEW → DRAFT, with the reason. Raises OutOfOrder."""
    review = await last_review(call, before["promotion_id"])
    if before["state"] == "DRAFT" and review and (review["state"], review["decided_by"]) == ("REJECTED", call.actor):
        return
    if before["state"] != "REVIEW":
        raise out_of_order(before, "only what is in REVIEW is rejected")
    await _decide(call, before, "REJECTED", reason)
    await store(call, before, document=before["document"], state="DRAFT", verb="reject", reason=reason)


async def publish(
    call: Call, compiler: Compiler, *, before: asyncpg.Record, effective_at: datetime | None, emergency: bool
) -> Published | None:
    """APPROVED → ACTIVE with a release, or SCHEDULED with one that waits. Raises OutOfOrder, LintBlocks, CasesDiffer,
    RailsBroken, and as a publication.
    """
    if before["state"] == "ACTIVE" or (before["state"] == "SCHEDULED" and before["effective_at"] == effective_at):
        return None
    document, is_later = before["document"], effective_at is not None and effective_at > call.now
    others = await documents_at(call, effective_at or call.now)
    rehearsed = await may_publish(call, compiler, before=before, others=others)
    made = await change_in_force(
        call,
        compiler,
        edit=lambda documents: documents.update({before["promotion_id"]: document}),
        effective_at=effective_at,
        emergency=emergency,
    )
    await keep_baseline(call, made, rehearsed)
    if is_later:
        await store(
            call,
            before,
            document=document,
            state="SCHEDULED",
            effective_at=made.effective_at,
            verb="schedule",
            release=made.version,
        )
    else:
        await store(call, before, document=document, state="ACTIVE", verb="publish", release=made.version)
    return made


async def may_publish(
    call: Call, compiler: Compiler, *, before: asyncpg.Record, others: Mapping[str, Document]
) -> Rehearsed:
    """What is APPROVED may come into force beside them. Raises OutOfOrder, LintBlocks, CasesDiffer, RailsBroken."""
    if before["state"] != "APPROVED":
        raise out_of_order(before, "only what is APPROVED is published")
    found = await look_at(call, compiler, document=before["document"], others=others)
    review = await last_review(call, before["promotion_id"])
    accepted = review["differences"] if review else []
    unseen = [one for one in found.differences if one not in accepted]
    if unseen:
        raise CasesDiffer(
            "since the approval other receipts have come to differ: withdraw it and submit it again",
            path="state",
            problems=told(unseen),
        )
    _refuse_unseen(found, review, "withdraw it and submit it again")
    return found.rehearsed


async def unschedule(call: Call, compiler: Compiler, *, before: asyncpg.Record) -> Published | None:
    """SCHEDULED → APPROVED: what is released now goes on. Raises OutOfOrder, and as a publication."""
    if before["state"] == "APPROVED":
        return None
    if before["state"] != "SCHEDULED" or before["effective_at"] <= call.now:
        raise out_of_order(before, "it does not wait for its time")
    promotion_id = before["promotion_id"]
    now = (await documents_at(call, call.now)).get(promotion_id)
    made = await change_in_force(
        call, compiler, edit=lambda documents: _put(documents, promotion_id, now), effective_at=before["effective_at"]
    )
    await store(call, before, document=before["document"], state="APPROVED", verb="unschedule", release=made.version)
    return made


async def suspend(
    call: Call, compiler: Compiler, *, before: asyncpg.Record, reason: str, emergency: bool
) -> Published | None:
    """Stop it at the tills, at once and in all that waits; a draft beside it stays one. Raises OutOfOrder, and as a
    publication.
    """
    if not may_suspend(before):
        return None
    promotion_id = before["promotion_id"]
    made = await change_in_force(
        call, compiler, edit=lambda documents: _put(documents, promotion_id, None), emergency=emergency
    )
    await keep_suspended(call, before=before, made=made, reason=reason, emergency=emergency)
    return made


def may_suspend(before: asyncpg.Record) -> bool:
    """Whether there is something to stop; False: it is stopped. Raises OutOfOrder."""
    if before["state"] == "SUSPENDED":
        return False
    if not _is_whole(before) and before["released_revision"] is None:
        raise out_of_order(before, "it is not released")
    return True


async def keep_suspended(call: Call, *, before: asyncpg.Record, made: Published, reason: str, emergency: bool) -> None:
    """What was stopped with a release is told to be so."""
    await store(
        call,
        before,
        document=before["document"],
        state="SUSPENDED" if _is_whole(before) else before["state"],
        released=None,
        verb="suspend",
        reason=reason,
        release=made.version,
        emergency=emergency,
    )


def _is_whole(before: asyncpg.Record) -> bool:
    """What is in force is what is shown, not an older revision beside a draft."""
    return before["state"] in ("ACTIVE", "SCHEDULED")


async def resume(call: Call, compiler: Compiler, *, before: asyncpg.Record) -> Published | None:
    """SUSPENDED → ACTIVE: what was stopped was approved. Raises OutOfOrder, LintBlocks, RailsBroken, and as a
    publication.
    """
    if before["state"] == "ACTIVE":
        return None
    document = before["document"]
    rehearsed = await may_resume(call, compiler, before=before, others=await documents_at(call, call.now))
    made = await change_in_force(
        call, compiler, edit=lambda documents: documents.update({before["promotion_id"]: document})
    )
    await keep_baseline(call, made, rehearsed)
    await store(call, before, document=document, state="ACTIVE", verb="resume", release=made.version)
    return made


async def may_resume(
    call: Call, compiler: Compiler, *, before: asyncpg.Record, others: Mapping[str, Document]
) -> Rehearsed:
    """What is SUSPENDED may come into force beside the others. Raises OutOfOrder, LintBlocks, RailsBroken."""
    if before["state"] != "SUSPENDED":
        raise out_of_order(before, "only what is SUSPENDED is resumed")
    found = await look_at(call, compiler, document=before["document"], others=others)
    _refuse_unseen(found, await last_review(call, before["promotion_id"]), "edit it and submit it again")
    return found.rehearsed


async def come_into_force(call: Call, *, promotion_id: str) -> bool:
    """SCHEDULED → ACTIVE when its time has come; the release has done the rest. False: it is not so any more."""
    before = await promotion_to_change(call, promotion_id=promotion_id)
    if before["state"] != "SCHEDULED" or before["effective_at"] > call.now:
        return False
    await store(call, before, document=before["document"], state="ACTIVE", verb="come_into_force")
    return True


async def change_rules(call: Call, *, four_eyes: bool, second_approval_ppm: int) -> None:
    """Of publishing itself."""
    was = await repository.publishing_rules(call.connection, call.tenant)
    if was == (four_eyes, second_approval_ppm):
        return
    await repository.change_rules(call.connection, call.tenant, four_eyes, second_approval_ppm)
    before = {"four_eyes": was[0], "second_approval_ppm": was[1]}
    after = {"four_eyes": four_eyes, "second_approval_ppm": second_approval_ppm}
    call.record("publishing.change_rules", "publishing", call.tenant, before=before, after=after)


async def last_review(call: Call, promotion_id: str) -> dict[str, Any] | None:
    """The newest review with its approvals."""
    rows = await repository.list_reviews(call.connection, call.tenant, promotion_id, 1)
    return dict(rows[0]) if rows else None


async def keep_baseline(call: Call, made: Published, rehearsed: Rehearsed) -> None:
    """What was given before the release: what follows is compared with it."""
    if rehearsed.baseline is not None:
        one = rehearsed.baseline
        await insert_baseline(
            call.connection,
            call.tenant,
            made.version,
            one.receipts_count,
            one.gross_minor,
            one.discount_minor,
            one.promotions,
        )


def _refuse_unseen(found: Findings, review: dict[str, Any] | None, what: str) -> None:
    """Rails that nobody has overridden. Raises RailsBroken."""
    overridden = {one["rail"] for one in review["breaches"]} if review else set()
    unseen = [one for one in found.rehearsed.breaches if one["rail"] not in overridden]
    if unseen:
        raise RailsBroken(
            f"the last receipts would break a guard rail that nobody has overridden: {what}",
            path="state",
            problems=told_breaches(unseen),
        )


async def _decide(call: Call, before: asyncpg.Record, state: str, reason: str = "") -> None:
    await repository.decide_review(
        call.connection,
        call.tenant,
        before["promotion_id"],
        state=state,
        actor=call.actor,
        now=call.now,
        reason=reason,
    )


def _put(documents: dict[str, Document], promotion_id: str, document: Document | None) -> None:
    if document is None:
        documents.pop(promotion_id, None)
    else:
        documents[promotion_id] = document
