"""How people's words find products: normalised, without accents, singular."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

NAME, CATEGORY, SUMMARY, DESCRIPTION = 12, 6, 3, 1
MOST_WORDS = 6
LONGEST_WORD = 40
LONGEST_QUERY = 200
AFTER_ALL = "\U0010ffff"
WORD = re.compile(r"[^\W_]+")
STOP = frozenset(
    ("a", "an", "and", "are", "as", "at", "by", "for", "from", "in", "is", "it", "of", "on", "or",
     "the", "to", "with")
)  # fmt: skip


def words_of(text: str) -> list[str]:
    """The words of a text as they are stored and looked up, in order."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(each for each in folded if not unicodedata.combining(each))
    return [_singular(word[:LONGEST_WORD]) for word in WORD.findall(plain) if word not in STOP]


def query_words(query: str) -> list[str]:
    """The distinct words of a query, at most MOST_WORDS."""
    return list(dict.fromkeys(words_of(query[:LONGEST_QUERY])))[:MOST_WORDS]


def weighed(texts: Iterable[tuple[int, str]]) -> Mapping[str, int]:
    """Each word with its weight: the heaviest place in which it occurs."""
    weights: dict[str, int] = {}
    for weight, text in texts:
        for word in words_of(text):
            weights[word] = max(weights.get(word, 0), weight)
    return weights


def prefix_range(word: str) -> tuple[str, str]:
    """The range that all words starting with `word` lie in."""
    return word, word + AFTER_ALL


def _singular(word: str) -> str:
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word[:-1]
