"""Properties of reading: nothing is lost on the way round, and nothing but DocumentError comes out of garbage."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altyn.core.rules.compare import compare
from altyn.core.rules.definition import (
    DocumentError,
    canonical_json,
    default_documents,
    dump_documents,
    load_documents,
    read_documents,
)
from altyn.core.rules.lint import Known, remarks
from tests.core.rules.strategies import documents, garbage, promotions

quick = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@quick
@given(documents())
def test_valid_documents_with_defaults_written_out_mean_the_same(written: list[dict[str, Any]]) -> None:
    rules = read_documents(written)
    again = read_documents(default_documents(rules))
    assert again == rules
    assert default_documents(again) == default_documents(rules)
    assert compare(rules, again) == []


@quick
@given(documents())
def test_valid_documents_survive_yaml_and_json(written: list[dict[str, Any]]) -> None:
    rules = read_documents(written)
    assert read_documents(load_documents(dump_documents(written))) == rules
    stored = canonical_json(written)
    assert read_documents(load_documents(stored.decode())) == rules
    assert canonical_json(load_documents(stored.decode())) == stored
    assert canonical_json(load_documents(dump_documents(written))) == stored


@quick
@given(documents())
def test_lint_takes_all_valid_documents(written: list[dict[str, Any]]) -> None:
    rules = read_documents(written)
    ids = {one.promotion_id for one in rules.promotions} | {one.limit_id for one in rules.limits}
    ids |= {one.rounding_id for one in rules.roundings}
    for remark in remarks(rules, Known(today=20_819)):
        assert remark.path.split(":")[0] in ids
        assert all(remark.say(language) and remark.mend(language) for language in ("en", "ru"))


def check_refusal(error: DocumentError) -> None:
    assert error.problems
    for problem in error.problems:
        assert problem.path
        assert problem.path.isprintable()
        assert problem.message.isprintable()
        str(problem).encode()


@quick
@given(st.one_of(garbage, st.lists(garbage, max_size=3)))
def test_garbage_raises_nothing_but_a_document_error(value: Any) -> None:
    try:
        read_documents(value)
    except DocumentError as error:
        check_refusal(error)


@quick
@given(promotions(), st.data())
def test_a_damaged_document_raises_nothing_but_a_document_error(written: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(written)))
    try:
        read_documents([{**written, key: data.draw(garbage)}])
    except DocumentError as error:
        check_refusal(error)


@quick
@given(st.one_of(garbage, st.lists(garbage, max_size=3)))
def test_canonical_json_of_garbage_is_exact_or_refused(value: Any) -> None:
    listed = value if isinstance(value, list) else [value]
    try:
        stored = canonical_json(listed)
    except DocumentError as error:
        check_refusal(error)
        return
    assert (
        canonical_json(load_documents(stored.decode())) == stored
        if all(isinstance(one, dict) for one in listed)
        else True
    )


@quick
@given(st.text(st.characters(), max_size=60))
def test_any_text_loads_or_is_refused(text: str) -> None:
    with contextlib.suppress(DocumentError):
        read_documents(load_documents(text))


@quick
@given(st.text("abc:-[]{},#'\"|>&*!?% \n0.", max_size=60))
def test_text_of_yaml_marks_loads_or_is_refused(text: str) -> None:
    with contextlib.suppress(DocumentError):
        read_documents(load_documents(text))
