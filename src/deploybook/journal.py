"""
The minute log that people keep: journal.md.

    # 2025-01-22
    ## Ramp of the feature flag
    14:00 Feature flag set to 25 % by @Oliver. Avery finds `LD-88721` in the audit log #flag #key @Avery
    14:00:30 The parser scrape comes back with schema 2.1 #check @Queenie

Tags and names stand at the end of a line; a name behind the tags is not part of the text, a name before them is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from .errors import FileProblems, Problem, text_of
from .model import ENTRY_KINDS, Entry
from .times import CLOCK, DAY, parse_instant

NAME = "journal.md"
MAX_BYTES = 5_000_000
MAX_LINE = 5_000
TAG = re.compile(r"(?<!\S)#([A-Za-z][\w-]*)")
PERSON = re.compile(r"(?:(?<=\s)|(?<=\()|^)@([^\W\d_][\w'-]*(?:\.[\w'-]+)*)")
NAMED = re.compile(rf"(`[^`]*`)|{PERSON.pattern}")
END = re.compile(r"(?:\s+(?:#[A-Za-z][\w-]*|@[^\W\d_][\w.'-]*))+\s*$")
LINE = re.compile(rf"(?:[-*]\s+)?((?:{DAY}[ T])?{CLOCK}(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)\s+(\S.*)")
CODE = re.compile(r"`[^`]*`")


def read(path: Path, zone: ZoneInfo, *, shown: str = NAME) -> tuple[Entry, ...]:
    """
    The entries in the order of their time; none where there is no journal.

    zone: of times without an offset. shown: the path in messages.
    Raises FileProblems with every line that cannot be read.
    """
    return parse(text_of(path.read_bytes(), shown, MAX_BYTES), zone, shown=shown) if path.is_file() else ()


def parse(text: str, zone: ZoneInfo, *, shown: str = NAME) -> tuple[Entry, ...]:
    """The text of a journal as entries; see read()."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    day: date | None = None
    phase = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or re.fullmatch(r"<!--.*-->", stripped):
            continue
        try:
            if len(line) > MAX_LINE:
                raise ValueError(f"is longer than {MAX_LINE} characters; write several lines")
            if stripped.startswith("## "):
                phase = stripped[3:].strip()
            elif stripped.startswith("# "):
                day, phase = day_of(stripped[2:].strip()), ""
            elif line[0] in " \t" and entries and not LINE.match(stripped):
                entries[-1] = continued(entries[-1], stripped)
            else:
                entries.append(entry_of(stripped, number, zone, day, phase))
        except ValueError as error:
            problems.append(Problem(path=shown, line=number, text=str(error)))
    if problems:
        raise FileProblems(problems)
    return tuple(sorted(entries, key=lambda entry: entry.at))


def day_of(text: str) -> date:
    try:
        return date.fromisoformat(text.split()[0])
    except (ValueError, IndexError):
        raise ValueError(f"{text!r} is not a day; write '# 2025-01-22', and '## …' for a phase") from None


def entry_of(line: str, number: int, zone: ZoneInfo, day: date | None, phase: str) -> Entry:
    """One line as an Entry; ValueError says what to write."""
    found = LINE.fullmatch(line)
    if not found:
        raise ValueError(f"{line[:40]!r} does not begin with a time; write '14:03 what happened #note'")
    if day is None and not re.match(DAY, found[1]):
        raise ValueError(f"no day stands above {found[1]!r}; write '# 2025-01-22' in a line before it")
    at = parse_instant(found[1], zone, day)
    return tagged(Entry(at=at, text="", phase=phase, line=number), found[2])


def tagged(entry: Entry, line: str) -> Entry:
    """The entry with the text of a line, its tags and names taken out. A channel such as #p0-sprint2 stays text."""
    bare = CODE.sub(lambda code: "x" * len(code[0]), line)  # nothing inside backticks is a tag
    tags = [tag for tag in TAG.finditer(bare) if known(tag[1])]
    words = [tag[1].lower() for tag in tags]
    kinds = [word for word in words if word in ENTRY_KINDS]
    names = tuple(dict.fromkeys(name[1].rstrip(".") for name in PERSON.finditer(bare)))
    cut = END.search(bare)
    behind = [tag.start() for tag in tags if cut and tag.start() >= cut.start()]
    text = line[: min(behind)] if behind else line
    for tag in reversed(tags):
        if tag.end() <= len(text):
            text = text[: tag.start()] + text[tag.end() :]
    return replace(
        entry,
        text=re.sub(r"\s{2,}", " ", NAMED.sub(lambda found: found[1] or found[2], printable(text))).strip(),
        kind=kinds[0] if kinds else entry.kind,
        people=tuple(dict.fromkeys((*entry.people, *names))),
        key=entry.key or "key" in words,
        private=entry.private or "private" in words,
    )


def printable(text: str) -> str:
    """Without what a terminal would obey."""
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "\ufffd", text)


def known(tag: str) -> bool:
    return tag.lower() in (*ENTRY_KINDS, "key", "private")


def continued(entry: Entry, line: str) -> Entry:
    """An indented line continues the entry above it."""
    more = tagged(entry, line)
    return replace(more, text=f"{entry.text} {more.text}".strip())


def is_private(content: bytes) -> bool:
    """Whether a journal, or a record, keeps a line from readers: `#private`, or `private: true`."""
    return re.search(rb"(?i)(?<!\S)#private\b|\bprivate['\"]?\s*:\s*['\"]?true", content) is not None


def public(text: str) -> str:
    """The text of a journal for readers: of a private entry, with the lines that continue it, only its time stays."""
    entries: list[list[str]] = []
    for line in text.splitlines(keepends=True):
        continues = line[0] in " \t" and not LINE.match(line.strip()) and entries
        entries[-1].append(line) if continues else entries.append([line])
    hidden = [any(tag[1].lower() == "private" for tag in TAG.finditer(CODE.sub("", "".join(one)))) for one in entries]
    return "".join(
        f"{one[0].split(maxsplit=1)[0]} (private)\n" if private else "".join(one)
        for one, private in zip(entries, hidden, strict=True)
    )


def hints(path: Path, zone: ZoneInfo, *, shown: str = NAME, people: Iterable[str] = ()) -> tuple[Problem, ...]:
    """
    What is worth a look and no mistake: an unknown tag or person, an entry earlier than the one above it.

    people: the known names; where none is given there is no hint about them.
    """
    text, people = text_of(path.read_bytes(), shown, MAX_BYTES), set(people)
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        for tag in TAG.finditer(CODE.sub("", line)) if not line.startswith("#") else ():
            if not known(tag[1]):
                found.append(
                    (number, f"'#{tag[1]}' is no kind of entry and stays text; kinds are {', '.join(ENTRY_KINDS)}")
                )
    before: Entry | None = None
    for entry in sorted(parse(text, zone, shown=shown), key=lambda entry: entry.line):
        unknown = [name for name in entry.people if people and name not in people]
        found += [(entry.line, f"'@{name}' is not in the team of the records") for name in unknown]
        if before and entry.at < before.at:
            found.append((entry.line, f"is earlier than line {before.line}; a new day begins with '# 2025-01-23'"))
        before = entry
    return tuple(Problem(path=shown, line=line, where=("hint",), text=words) for line, words in sorted(found))


def append(
    path: Path, text: str, *, at: datetime, zone: ZoneInfo, by: Sequence[str] = (), tags: Sequence[str] = ()
) -> str:
    """
    Adds one line at the end of its local day and gives it back; a new day gets its heading first, at the end.

    The file keeps what it has, byte by byte. Raises ValueError for an empty text or an unknown tag.
    """
    local = at.astimezone(zone)
    words = " ".join(printable(text).split())
    if not words:
        raise ValueError('the note has no text; write deploybook note "what happened"')
    clock = local.strftime("%H:%M:%S" if local.second else "%H:%M")
    if local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset():
        clock = local.isoformat(timespec="seconds")  # the hour that comes twice in autumn needs its offset
    for tag in tags:
        if not known(tag.lstrip("#")):
            raise ValueError(f"{tag!r} is no kind of entry; write one of {', '.join(ENTRY_KINDS)}, key or private")
    end = "".join(f" #{tag.lstrip('#')}" for tag in tags)
    names = "".join(f" @{'-'.join(name.lstrip('@').split())}" for name in by)
    line = f"{clock} {words}{end or (' #note' if names else '')}{names}"
    before = path.read_bytes().decode() if path.is_file() else ""
    days = list(re.finditer(rf"^\ufeff?#[ \t]+({DAY})\b", before, re.MULTILINE))
    mine = [number for number, day in enumerate(days) if day[1] == f"{local:%Y-%m-%d}"]
    if mine and mine[-1] + 1 < len(days):
        head = before[: days[mine[-1] + 1].start()].rstrip()
        beside = path.with_name(f".{path.name}.new")
        beside.write_bytes(f"{head}\n{line}{before[len(head) :]}".encode())
        beside.replace(path)
        return line
    heading = "" if mine else f"# {local:%Y-%m-%d}\n"
    gap = "" if not before else ("" if before.endswith("\n") else "\n") + ("\n" if heading else "")
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(f"{gap}{heading}{line}\n")
    return line
