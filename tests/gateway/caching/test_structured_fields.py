"""Structured fields (RFC 9651, section 4.2): all of a field parses, or none of it counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.caching.structured import Malformed, Token, parse_dictionary, parse_list, string

PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("", []),
        ('"a"', ["a"]),
        ('"a", "b"', ["a", "b"]),
        ('"a"\t,\t"b"', ["a", "b"]),
        ('  "a"  ', ["a"]),
        (r'"say \"hi\" \\"', [r'say "hi" \ '.rstrip()]),
        ("tok/en:1", [Token("tok/en:1")]),
        ("*", [Token("*")]),
        ("1, -2, 3.5, -0.125", [1, -2, 3.5, -0.125]),
        ("?1, ?0", [True, False]),
        (":aGk=:", [b"hi"]),
        ("@1659578233", [1659578233]),
        ('"a";q=1;flag, "b";x="y"', ["a", "b"]),
        ("(1 2), ()", [[1, 2], []]),
        ('("a";x "b");y', [["a", "b"]]),
    ],
)
def test_a_list_gives_its_members_without_their_parameters(text: str, members: list[Any]) -> None:
    assert parse_list(text) == members


@pytest.mark.parametrize(
    "text",
    [
        '"a",', ',"a"', '"a" "b"', '"a', '"a\\b"', '"\x7f"', '"é"', "?2", "?", ":a:", ":a", "1.",
        "1.2345", "1234567890123.1", "1234567890123456", "--1", "(1 2", "(1,2)", "(1(2))", "a;",
        '"a";Q=1', "@1.5", "{}", '"a"\n', "\t",
    ],
)  # fmt: skip
def test_a_malformed_list_is_refused_whole(text: str) -> None:
    with pytest.raises(Malformed):
        parse_list(text)


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("", {}),
        ("max-age=60", {"max-age": 60}),
        ("a, b;x=1, c=?0", {"a": True, "b": True, "c": False}),
        ("a=1, b=2, a=3", {"b": 2, "a": 3}),
        ("a=(1 2), *x=tok", {"a": [1, 2], "*x": Token("tok")}),
    ],
)
def test_a_dictionary_gives_its_members_and_the_last_of_a_name_wins(
    text: str, members: dict[str, Any]
) -> None:
    assert parse_dictionary(text) == members


@pytest.mark.parametrize("text", ["A=1", "a =1", "a= 1", "a=", "a,,b", "a,", "1=2", 'a="', "=1"])
def test_a_malformed_dictionary_is_refused_whole(text: str) -> None:
    with pytest.raises(Malformed):
        parse_dictionary(text)


@given(st.lists(PRINTABLE, max_size=8))
def test_strings_come_back_as_they_were_written(texts: list[str]) -> None:
    assert parse_list(", ".join(string(each) for each in texts)) == texts


@given(st.text(max_size=60))
def test_whatever_comes_is_parsed_or_refused(text: str) -> None:
    for parse in (parse_list, parse_dictionary):
        try:
            parse(text)
        except Malformed:
            continue


@pytest.mark.parametrize("text", ["é", "a\nb", "\x7f"])
def test_what_no_string_can_hold_is_not_written(text: str) -> None:
    with pytest.raises(ValueError, match="ASCII"):
        string(text)
