"""What cannot be read is refused with every problem, at its exact path, with a stable code."""

from __future__ import annotations

import pytest

from altyn.core.rules.definition import Code, DocumentError, canonical_json, load_documents, read_documents
from tests.core.rules.corpus import REFUSED, UNREADABLE


def refusal(text: str) -> list[tuple[str, str]]:
    with pytest.raises(DocumentError) as caught:
        read_documents(load_documents(text))
    assert all(problem.message for problem in caught.value.problems)
    assert str(caught.value).isprintable() or "\n" in str(caught.value)
    return [(problem.path, str(problem.code)) for problem in caught.value.problems]


@pytest.mark.parametrize("name", REFUSED)
def test_document_with_a_mistake_is_refused_at_its_path(name: str) -> None:
    text, expected = REFUSED[name]
    assert refusal(text) == expected


@pytest.mark.parametrize("name", UNREADABLE)
def test_text_that_is_no_document_is_refused(name: str) -> None:
    text, expected = UNREADABLE[name]
    with pytest.raises(DocumentError) as caught:
        load_documents(text)
    assert [(problem.path, str(problem.code)) for problem in caught.value.problems] == expected


def test_misspelt_key_is_told_what_was_probably_meant() -> None:
    with pytest.raises(DocumentError) as caught:
        read_documents(load_documents(REFUSED["misspelt-key"][0]))
    assert 'did you mean "category"?' in caught.value.problems[0].message


def test_float_given_by_a_caller_is_refused_not_rounded() -> None:
    with pytest.raises(DocumentError) as caught:
        read_documents([{"promotion": "p", "stage": "item", "reward": [{"percent": {"rate": 0.1}}]}])
    assert [(one.path, one.code) for one in caught.value.problems] == [("p: reward[0].percent.rate", Code.WRONG_TYPE)]


def test_problems_of_a_whole_file_are_bounded() -> None:
    with pytest.raises(DocumentError) as caught:
        read_documents(
            [{"promotion": "p", "stage": "item", "reward": [{"percent": {str(n): "1"}}]} for n in range(2000)]
        )
    assert len(caught.value.problems) == 1_001
    assert caught.value.problems[-1].code == Code.TOO_LARGE


def test_every_code_of_the_corpus_is_known() -> None:
    known = {str(code) for code in Code}
    used = {code for _, problems in (*REFUSED.values(), *UNREADABLE.values()) for _, code in problems}
    assert used == known


def test_number_of_thousands_of_digits_is_refused_without_being_printed() -> None:
    huge = 10**5_000
    with pytest.raises(DocumentError) as caught:
        read_documents([{"promotion": huge, "stage": "item", "reward": [{"amount": {"off": huge}}]}])
    assert [one.code for one in caught.value.problems] == [Code.OUT_OF_RANGE, Code.OUT_OF_RANGE]
    with pytest.raises(DocumentError):
        canonical_json([{"promotion": huge}])


def test_documents_that_are_no_mappings_are_refused_one_by_one() -> None:
    with pytest.raises(DocumentError) as caught:
        read_documents(["text", None])
    assert [(one.path, one.code) for one in caught.value.problems] == [
        ("document[0]", Code.WRONG_TYPE),
        ("document[1]", Code.WRONG_TYPE),
    ]
