"""Which texts resemble a given one: TF-IDF and cosine similarity, by scikit-learn."""

import re
from itertools import pairwise
from typing import Any

import numpy as np

_FEATURES = 2**16
_WORD = re.compile(r"[a-z][a-z0-9_]+")
_MASKS = re.compile(r"<[a-z]+>")  # what was masked says nothing


class TextIndex:
    """Texts by id. A text's terms are its words and the pairs of neighbours in a line, hashed to columns.

    weight(term, text) = (1 + ln count) * (1 + ln((1 + n) / (1 + texts with the term))), n texts in all;
    rows are scaled to length 1, so their product is the cosine, 0 to 1. Terms no kept text has count
    in full, so that a text with much that is new resembles nothing.

    scikit-learn is imported on first use (1 to 2 s): call `warm` where nobody waits. Not thread-safe.
    G. Salton, C. Buckley: Term-weighting approaches in automatic text retrieval, 1988.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._counts: dict[str, tuple[Any, Any]] = {}  # of terms, and the columns they are in
        self._fitted: tuple[Any, Any, list[str]] | None = None
        self._words: Any = None

    def put(self, text_id: str, text: str) -> None:
        """Keep `text`, in place of an earlier one of that id."""
        self._texts[text_id] = text
        self._counts.pop(text_id, None)
        self._fitted = None

    def drop(self, text_id: str) -> None:
        """Forget the text of that id, if there is one."""
        self._texts.pop(text_id, None)
        self._counts.pop(text_id, None)
        self._fitted = None

    def similar(self, text: str) -> dict[str, float]:
        """The similarity to `text` of every kept text that shares a term with it, by id."""
        if not self._texts:
            return {}
        weighting, rows, ids = self._fit()
        cosines = (rows @ weighting.transform(self._count([text])).T).tocoo()
        return {
            ids[row]: min(1.0, float(value)) for row, value in zip(cosines.row, cosines.data, strict=True)
        }

    def warm(self) -> None:
        """Import what is needed and prepare the kept texts."""
        self._count(["warm"])
        if self._texts:
            self._fit()

    def _fit(self) -> tuple[Any, Any, list[str]]:
        if self._fitted is None:
            from scipy.sparse import csr_matrix  # noqa: PLC0415  # slow to import, see the class
            from sklearn.feature_extraction.text import TfidfTransformer  # noqa: PLC0415

            missing = [text_id for text_id in self._texts if text_id not in self._counts]
            if missing:
                counts = self._count([self._texts[text_id] for text_id in missing])
                rows = zip(counts.indptr[:-1], counts.indptr[1:], strict=True)
                for text_id, (start, end) in zip(missing, rows, strict=True):
                    self._counts[text_id] = counts.data[start:end].copy(), counts.indices[start:end].copy()
            ids = list(self._texts)
            data, columns = zip(*(self._counts[text_id] for text_id in ids), strict=True)
            ends = np.cumsum([0, *map(len, data)])
            matrix = csr_matrix((np.concatenate(data), np.concatenate(columns), ends), (len(ids), _FEATURES))
            weighting = TfidfTransformer(sublinear_tf=True)
            self._fitted = weighting, weighting.fit_transform(matrix), ids
        return self._fitted

    def _count(self, texts: list[str]) -> Any:
        """Sparse counts of terms, a row a text."""
        if self._words is None:
            from sklearn.feature_extraction.text import HashingVectorizer  # noqa: PLC0415

            self._words = HashingVectorizer(
                analyzer=_terms, n_features=_FEATURES, alternate_sign=False, norm=None
            )
        return self._words.transform(texts)


def _terms(text: str) -> list[str]:
    terms = []
    for line in text.splitlines():
        words = _WORD.findall(_MASKS.sub(" ", line.lower()))
        terms += words
        terms += [f"{first} {second}" for first, second in pairwise(words)]
    return terms
