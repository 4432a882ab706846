"""
The errors of deploybook, all of them.

    DeploybookError            1   what happened, where, and what to do next
    ├ UsageProblem             2   the command was called in a way that cannot work
    ├ FileProblems             2   mistakes in hand-written files, all of them, each with path and line
    ├ UnitMismatch             2   two values whose units do not compare
    ├ SourceError              1   a source could not answer: name, query, window
    │ ├ SourceUnreachable      1   a retry can help
    │ └ QueryRejected          1   a retry cannot help; the server's words are quoted
    ├ ExportDamaged            1   a stored export is not what was pulled
    ├ NotebookFailed           1   a notebook did not run to its end
    ├ PublishFailed            1   the site could not be built; the old one is untouched
    └ EvidenceBroken           6   the evidence log does not verify

"No data" is not here: it is a result (see model.Verdict), as is every other verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class DeploybookError(Exception):
    """Base of every error that deploybook raises on purpose; its text is what the user reads."""

    exit_code = 1


class UsageProblem(DeploybookError):
    """The command was called in a way that cannot work: an unknown deployment, a wrong option, a bad parameter."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True, order=True)
class Problem:
    """One mistake in a hand-written file. line is 1-based; where is the way to the key, outermost first."""

    path: str
    line: int
    where: tuple[str, ...] = ()
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {' > '.join(self.where) or 'file'}: {self.text}"


class FileProblems(DeploybookError):
    """Mistakes in hand-written files: every one found, in the order of path and line."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def text_of(data: bytes, shown: str, most: int) -> str:
    """The bytes of a hand-written file as text; FileProblems where they are more than `most`, or not UTF-8."""
    if len(data) > most:
        text = f"is larger than {most // 1000} kB; this is no hand-written file"
        raise FileProblems([Problem(path=shown, line=1, text=text)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        text = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise FileProblems([Problem(path=shown, line=line, text=text)]) from None


class UnitMismatch(DeploybookError):
    """Two values whose units do not compare, such as 65 ms against 3 errors/hour."""

    exit_code = 2


class SourceError(DeploybookError):
    """A source could not give what was asked. can_retry says whether asking again can help."""

    can_retry = False

    def __init__(self, message: str, *, source: str = "", retry_after: float | None = None) -> None:
        self.source = source
        self.retry_after = retry_after
        super().__init__(message)


class SourceUnreachable(SourceError):
    """The source did not answer, or answered that it cannot answer now."""

    can_retry = True


class QueryRejected(SourceError):
    """The source understood the question and refuses it; asking again gives the same."""


class ExportDamaged(DeploybookError):
    """A stored export is not what was pulled: its bytes changed, or a file of it is gone."""


class NotebookFailed(DeploybookError):
    """A notebook did not run to its end."""


class PublishFailed(DeploybookError):
    """The site could not be built or put in place; the one that was there is untouched."""


class EvidenceBroken(DeploybookError):
    """The evidence log does not verify. place names the first bad entry, file or line."""

    exit_code = 6

    def __init__(self, message: str, *, place: str = "") -> None:
        self.place = place
        super().__init__(message)
