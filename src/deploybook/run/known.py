"""What follows from the text of a cell alone, which IPython works out twice in each run: kept by the warm process."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

from ipykernel import compiler
from IPython.core import interactiveshell

__all__ = ["Known"]


class Known:
    """How IPython transforms a text, whether it awaits, and the name of its file."""

    def __init__(self, manager: Any) -> None:
        """manager: IPython's TransformerManager. A cell can give it other rules, and then nothing is known any more."""

        def rules() -> list[tuple[Any, ...]]:
            return [*map(tuple, (manager.cleanup_transforms, manager.line_transforms, manager.token_transformers))]

        first = rules()
        self.transform = Remembered(manager.transform_cell, when=lambda: rules() == first)
        self.awaits = Remembered(interactiveshell._should_be_async)
        self.name = Remembered(compiler.murmur2_x86)
        manager.transform_cell = self.transform
        interactiveshell._should_be_async = self.awaits  # type: ignore[assignment]
        compiler.murmur2_x86 = self.name

    def learn(self, source: str) -> None:
        """Takes in a cell that a fork ran well, unless Python warns of it: it must warn in each run."""
        with warnings.catch_warnings(record=True) as told, contextlib.suppress(Exception):
            warnings.simplefilter("always")
            transformed, seed = self.transform(source), compiler.get_tmp_hash_seed()  # type: ignore[no-untyped-call]
            answers = self.awaits(transformed), self.name(source, seed)
            if not told:
                self.transform.answers[source,] = transformed
                self.awaits.answers[transformed,], self.name.answers[source, seed] = answers


class Remembered:
    """A pure function that looks among its answers first."""

    def __init__(self, function: Callable[..., Any], *, when: Callable[[], bool] = lambda: True) -> None:
        self.function, self.when = function, when
        self.answers: dict[tuple[Any, ...], Any] = {}

    def __call__(self, *arguments: Any) -> Any:
        known = arguments in self.answers and self.when()
        return self.answers[arguments] if known else self.function(*arguments)
