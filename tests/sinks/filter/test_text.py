"""Laws of a filter's text: a tree is its text, whatever stands in it; and a text is a tree, or says what is wrong and where."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sinks.filter.complete import place
from sinks.filter.fields import FIELDS
from sinks.filter.parse import parse, parts
from sinks.filter.tokens import tokens
from sinks.filter.tree import FilterError, Node, text
from tests.sinks.filter.trees import TREES

PIECES = ("client", "port", "ip", "failed", "=", "!=", "<", ">=", "in", "not", "or", "and", "(", ")", ",", " ", "*", '"', "\\", "!", "pay",
          "5%", "443", "10.0.0.0/8", "é", "\0", "1GB", "\u3000")  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=30)


@given(TREES)
def test_the_text_of_a_tree_is_read_as_this_tree(tree: Node) -> None:
    written = text(tree)
    again = parse(written)
    assert again == tree, written
    assert again is not None and text(again) == written


@given(TEXTS)
@example('client="')
@example("client in (")
def test_any_text_is_a_tree_or_an_error_at_a_place(given_text: str) -> None:
    try:
        tree = parse(given_text)
    except FilterError as error:
        assert 0 <= error.start <= error.end <= len(given_text)
        assert str(error).isprintable() and len(str(error)) < 1_000 and str(error)[-1] in ".?"
    else:
        assert tree is None or parse(text(tree)) == tree


@given(TEXTS)
def test_tokens_leave_out_nothing_but_space(given_text: str) -> None:
    found = tokens(given_text)
    assert "".join(token.written for token in found) == "".join(
        given_text[one.end : two.start].strip() + two.written for one, two in zip((found[-1], *found), found, strict=False)
    )
    edges = [0, *(edge for token in found for edge in (token.start, token.end))]
    assert edges == sorted(edges)
    assert all(given_text[token.start : token.end] == token.written for token in found)
    assert all(not given_text[one.end : two.start].strip() for one, two in zip(found, found[1:], strict=False))


@given(TREES)
def test_the_parts_of_a_filter_are_its_text_cut_up(tree: Node) -> None:
    written = text(tree)
    found = parts(written)
    pieces = [written[slice(*part.place)] for part in found]
    assert [parse(piece) for piece in pieces] == [part.node for part in found]
    assert " ".join(pieces) == written


@given(TEXTS, st.data())
def test_at_every_caret_something_can_be_offered_or_typed(given_text: str, data: st.DataObject) -> None:
    caret = data.draw(st.integers(0, len(given_text)))
    at = place(given_text, caret)
    assert 0 <= at.start <= caret <= at.end <= len(given_text)
    assert at.wanted != "operator" or at.candidates
    assert at.field is None or at.field in FIELDS.values()


@pytest.mark.parametrize("nested", ["(", "not ", "not ("])
def test_what_is_nested_too_deep_is_refused(nested: str) -> None:
    closing = ")" if "(" in nested else ""
    depth = 25 if nested == "not (" else 50
    assert parse(nested * depth + "a" + closing * depth) is not None
    with pytest.raises(FilterError, match="nested over 50 deep"):
        parse(nested * (depth + 1) + "a" + closing * (depth + 1))
    with pytest.raises(FilterError):
        parse(nested * 4_000)


def test_what_is_too_long_or_has_too_many_words_is_refused() -> None:
    assert parse("a" * 4_096) is not None
    with pytest.raises(FilterError, match="4,097 characters; 4,096 are taken"):
        parse("a" * 4_097)
    assert parse(f"port in ({','.join('1' * 200)})") is not None
    with pytest.raises(FilterError, match="over 200 words and values"):
        parse(f"port in ({','.join('1' * 201)})")
