"""Answers of the Prometheus HTTP API, from a server or saved in a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from .rows import Notebook, Rows, Unreadable


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """
    What the API said. kind: matrix, vector (a scalar is one of a single series), string. error: its own words where the status is 'error'. series: labels, times (ms), values; a value
    that is no finite number is NaN. native: series with native histograms, which are not read.
    """

    kind: str = ""
    error_type: str = ""
    error: str = ""
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    series: list[tuple[dict[str, str], NDArray[np.int64], NDArray[np.float64]]] = field(default_factory=list)
    native: int = 0

    @property
    def samples(self) -> int:
        return sum(len(times) for _, times, _ in self.series)


class Envelope(msgspec.Struct):
    status: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    errorType: str = ""
    error: str = ""
    warnings: list[str] | None = None
    infos: list[str] | None = None


class Content(msgspec.Struct):
    resultType: str
    result: msgspec.Raw


class Exact(msgspec.Struct):
    """A series whose values all read as numbers, which strict=False takes out of their texts."""

    metric: dict[str, str] = {}
    values: list[tuple[float, float]] = []
    value: tuple[float, float] | None = None
    histograms: list[Any] | None = None
    histogram: Any = None

    @property
    def pairs(self) -> list[tuple[float, float]]:
        return self.values or ([self.value] if self.value else [])


class Tolerant(Exact):
    """One with '+Inf' or a text that is no number."""

    values: list[tuple[float, Any]] = []
    value: tuple[float, Any] | None = None


class UsualContent(msgspec.Struct):
    resultType: Literal["matrix", "vector"]
    result: list[Exact]


class Usual(msgspec.Struct):
    """What nearly every answer is, in one pass; any other is read part by part."""

    status: Literal["success"]
    data: UsualContent
    warnings: list[str] | None = None
    infos: list[str] | None = None


def read_answer(body: bytes) -> Answer:
    """An answer of the API; Unreadable where the bytes are none (an HTML page, a cut body, another shape)."""
    try:
        try:
            usual = msgspec.json.decode(body, type=Usual, strict=False)
        except msgspec.ValidationError:
            return read_in_parts(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        start = " ".join(body[:60].decode("utf-8", "replace").split())
        what = (
            "is a page for people, a login perhaps" if start.startswith("<") else f"is no answer of the API ({problem})"
        )
        raise Unreadable(f"{what}: {start[:40]!r}") from None
    return answer_of(usual.data.resultType, usual.data.result, usual)


def read_in_parts(body: bytes) -> Answer:
    told = msgspec.json.decode(body, type=Envelope)
    if told.status == "error" or told.error:
        return replace(answer_of("", [], told), error_type=told.errorType or "unknown", error=told.error or "no words")
    if told.status != "success":
        raise Unreadable("is no answer of the Prometheus API: its 'status' is neither 'success' nor 'error'")
    content = msgspec.json.decode(told.data, type=Content)
    if content.resultType == "scalar":
        content = Content("vector", msgspec.Raw(b'[{"value":' + bytes(content.result) + b"}]"))
    if content.resultType not in ("matrix", "vector"):
        return answer_of(content.resultType, [], told)
    return answer_of(content.resultType, read_series(content.result), told)


def answer_of(kind: str, found: list[Exact], told: Envelope | Usual) -> Answer:
    return Answer(
        kind=kind,
        warnings=tuple(told.warnings or ()),
        infos=tuple(told.infos or ()),
        series=[(one.metric, *columns(one.pairs)) for one in found if one.pairs],
        native=sum(1 for one in found if one.histograms or one.histogram),
    )


def read_series(result: msgspec.Raw) -> list[Exact]:
    try:
        return msgspec.json.decode(result, type=list[Exact], strict=False)
    except msgspec.ValidationError:
        found = msgspec.json.decode(result, type=list[Tolerant])
    for one in found:
        one.values = [(at, number(value)) for at, value in one.values]
        one.value = (one.value[0], number(one.value[1])) if one.value else None
    return list(found)


def number(text: Any) -> float:
    """The number a value means; NaN where it means none."""
    try:
        return float(text) if isinstance(text, (str, float)) and "_" not in str(text) else float("nan")
    except ValueError:
        return float("nan")


def columns(pairs: Sequence[tuple[float, float]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Times in milliseconds, and values; what is not finite is NaN."""
    flat = np.fromiter(chain.from_iterable(pairs), np.float64, 2 * len(pairs)).reshape(-1, 2)
    return np.rint(flat[:, 0] * 1000).astype(np.int64), np.where(np.isfinite(flat[:, 1]), flat[:, 1], np.nan)


def rows_of_answers(
    answers: Sequence[Answer], *, place: str, name: str = "", digests: tuple[str, ...] = (), **more: Any
) -> Rows:
    """The rows of answers to one question. name: of series that do not say theirs."""
    seen = Notebook(place)
    keys: dict[tuple[tuple[str, str], ...], int] = {}
    codes: list[NDArray[np.int64]] = []
    parts = [one for answer in answers for one in answer.series]
    for labels, times, _ in parts:
        named = {label: text for label, text in labels.items() if text} | {"__name__": labels.get("__name__") or name}
        code = keys.setdefault(tuple(sorted(named.items())), len(keys))
        codes.append(np.full(len(times), code, dtype=np.int64))
    for answer in answers:
        for warning in answer.warnings:
            kind = "partial" if "partial" in warning.lower() else "warning"
            seen.add(kind, f"the server warns: {warning[:300]}", metric=name)
        if answer.native:
            text = f"{answer.native} series are native histograms, which are not read; keep the classic buckets too"
            seen.add("non_numbers", text, count=answer.native, metric=name)
    return Rows(
        times=np.concatenate([np.zeros(0, dtype=np.int64), *(times for _, times, _ in parts)]),
        values=np.concatenate([np.zeros(0), *(values for _, _, values in parts)]),
        codes=np.concatenate([np.zeros(0, dtype=np.int64), *codes]),
        keys=[dict(key) for key in keys],
        place=place,
        digests=digests,
        notes=tuple(seen.notes),
        **more,
    )
