"""The minute log: what a line may look like, and that appending keeps what is there."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from deploybook import journal
from deploybook.errors import FileProblems
from deploybook.model import Entry
from deploybook.times import UTC, iso

PT = ZoneInfo("America/Los_Angeles")
DAY = "# 2025-01-22\n"


def one(line: str) -> Entry:
    (entry,) = journal.parse(DAY + line, PT)
    return entry


def complaints(text: str) -> list[str]:
    with pytest.raises(FileProblems) as caught:
        journal.parse(text, PT)
    return [str(problem) for problem in caught.value.problems]


def test_a_line_is_a_time_a_text_and_tags() -> None:
    entry = one("14:00 Flag set to 25 % #flag #key @Oliver @Avery")

    assert (iso(entry.at), entry.text, entry.kind) == ("2025-01-22T22:00:00Z", "Flag set to 25 %", "flag")
    assert (entry.key, entry.people, entry.line, entry.origin) == (True, ("Oliver", "Avery"), 2, "journal")


@pytest.mark.parametrize(
    ("time", "utc"),
    [
        ("14:00", "2025-01-22T22:00:00Z"),
        ("9:05", "2025-01-22T17:05:00Z"),
        ("14:02:45", "2025-01-22T22:02:45Z"),
        ("2025-01-23 09:45", "2025-01-23T17:45:00Z"),
        ("2025-01-22T22:00:00Z", "2025-01-22T22:00:00Z"),
        ("2025-01-22T14:00:00-08:00", "2025-01-22T22:00:00Z"),
        ("- 14:00", "2025-01-22T22:00:00Z"),
    ],
)
def test_times_come_in_every_form(time: str, utc: str) -> None:
    assert iso(one(f"{time} x").at) == utc


@pytest.mark.parametrize(
    ("line", "text", "people"),
    [
        ("14:00 Update sent by @Paris #comms", "Update sent by Paris", ("Paris",)),
        ("14:00 Update sent #comms @Paris", "Update sent", ("Paris",)),
        ("14:00 @Bob saw it (@Avery too)", "Bob saw it (Avery too)", ("Bob", "Avery")),
        ("14:00 #check @Bob saw it", "Bob saw it", ("Bob",)),
        ("14:00 mail to oliver@example.org", "mail to oliver@example.org", ()),
        ("14:00 thanks @Oliver.", "thanks Oliver.", ("Oliver",)),
        ("14:00 ran `x #flag @Bob` #note", "ran `x #flag @Bob`", ()),
        ("14:00 @Jürgen and @O'Neil #note", "Jürgen and O'Neil", ("Jürgen", "O'Neil")),
    ],
)
def test_names_before_the_tags_are_text_and_names_behind_are_not(line: str, text: str, people: tuple[str, ...]) -> None:
    entry = one(line)

    assert (entry.text, entry.people) == (text, people)


@pytest.mark.parametrize("kind", ["flag", "restart", "check", "decision", "comms", "evidence", "variance", "note"])
def test_every_kind_of_the_contract(kind: str) -> None:
    assert one(f"14:00 x #{kind}").kind == kind


def test_without_a_kind_it_is_a_note() -> None:
    assert one("14:00 x").kind == "note"


def test_a_channel_or_a_ticket_stays_text() -> None:
    assert one("14:00 posted in #p0-sprint2, see #42 #comms").text == "posted in #p0-sprint2, see #42"


def test_private_is_marked() -> None:
    entry = one("14:00 customer name #private")

    assert (entry.private, entry.text) == (True, "customer name")


def test_a_heading_starts_a_phase_and_a_day_ends_it() -> None:
    found = journal.parse("# 2025-01-22\n## Ramp\n14:00 a\n# 2025-01-23 Thursday\n09:00 b\n", PT)

    assert [(entry.phase, iso(entry.at)) for entry in found] == [
        ("Ramp", "2025-01-22T22:00:00Z"),
        ("", "2025-01-23T17:00:00Z"),
    ]


def test_an_indented_line_continues_the_entry_above() -> None:
    entry = one("14:00 a #flag\n  b @Bob\n  #key")

    assert (entry.text, entry.kind, entry.people, entry.key) == ("a b Bob", "flag", ("Bob",), True)


def test_entries_come_in_the_order_of_their_time_equal_ones_as_written() -> None:
    found = journal.parse(DAY + "14:02 c\n14:00 a\n14:00 b\n", PT)

    assert [entry.text for entry in found] == ["a", "b", "c"]


def test_every_unreadable_line_is_told() -> None:
    assert complaints("14:00 too early\n# yesterday\n# 2025-01-22\nwent well\n25:00 x\n14:00\n") == [
        "journal.md:1: file: no day stands above '14:00'; write '# 2025-01-22' in a line before it",
        "journal.md:2: file: 'yesterday' is not a day; write '# 2025-01-22', and '## …' for a phase",
        "journal.md:4: file: 'went well' does not begin with a time; write '14:03 what happened #note'",
        "journal.md:5: file: '25:00' is not a time of day",
        "journal.md:6: file: '14:00' does not begin with a time; write '14:03 what happened #note'",
    ]


def test_the_hour_that_comes_twice_asks_for_its_offset() -> None:
    assert (
        "happened twice in America/Los_Angeles; write it with its offset, such as 2025-11-02T01:30-07:00"
        in complaints("# 2025-11-02\n01:30 x")[0]
    )


def test_unknown_tags_and_people_are_hints(tmp_path: Path) -> None:
    path = tmp_path / "journal.md"
    path.write_text(DAY + "14:00 p50 is 58 ms #flagg @Olivr\n13:00 in `#p0-sprint2` #note\n")

    found = journal.hints(path, PT, people=["Oliver"])

    assert [(hint.line, hint.text.split(";")[0]) for hint in found] == [
        (2, "'#flagg' is no kind of entry and stays text"),
        (2, "'@Olivr' is not in the team of the records"),
        (3, "is earlier than line 2"),
    ]
    assert journal.read(path, PT)[1].people == ("Olivr",)


@pytest.mark.parametrize(
    "line", ["14:00 " + "#a " * 100_000 + "x", "14:00 a" + " " * 400_000 + "x", "14:00 " + "{a" * 100_000]
)
def test_an_endless_line_is_refused_at_once(line: str) -> None:
    assert complaints(DAY + line) == ["journal.md:2: file: is longer than 5000 characters; write several lines"]


def test_no_journal_is_no_entry(tmp_path: Path) -> None:
    assert journal.read(tmp_path / "journal.md", PT) == ()


def test_a_journal_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.md"
    path.write_bytes(b"# 2025-01-22\n14:00 f\xfcr\n")

    with pytest.raises(FileProblems, match=r"journal.md:2: file: byte 0xfc is not UTF-8"):
        journal.read(path, PT)


def append(path: Path, text: str, utc: str, **more: list[str]) -> str:
    at = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    return journal.append(path, text, at=at, zone=PT, **more)


def test_a_note_is_appended_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.md"
    path.write_bytes("# 2025-01-22\r\n14:00 für #flag".encode())

    line = append(path, "first  check\nis green", "2025-01-22T22:03:20", by=["Avery"], tags=["check"])

    assert line == "14:03:20 first check is green #check @Avery"
    assert (
        path.read_bytes() == "# 2025-01-22\r\n14:00 für #flag\n14:03:20 first check is green #check @Avery\n".encode()
    )
    last = journal.read(path, PT)[-1]
    assert (last.text, last.kind, last.people, iso(last.at)) == (
        "first check is green",
        "check",
        ("Avery",),
        "2025-01-22T22:03:20Z",
    )


def test_a_new_day_gets_its_heading(tmp_path: Path) -> None:
    path = tmp_path / "journal.md"

    append(path, "a", "2025-01-22T22:03:00")
    append(path, "b", "2025-01-23T07:59:00")
    append(path, "c", "2025-01-23T08:00:00", by=["Bob"])

    assert path.read_text() == "# 2025-01-22\n14:03 a\n23:59 b\n\n# 2025-01-23\n00:00 c #note @Bob\n"
    assert [entry.text for entry in journal.read(path, PT)] == ["a", "b", "c"]


def test_a_note_on_an_earlier_day_goes_to_that_day(tmp_path: Path) -> None:
    path = tmp_path / "journal.md"
    path.write_bytes(b"\xef\xbb\xbf# 2025-01-22 (Wednesday)\r\n14:00 a\r\n\r\n# 2025-01-23\r\n08:00 c\r\n")

    append(path, "b", "2025-01-22T22:03:00")

    assert path.read_bytes() == (
        b"\xef\xbb\xbf# 2025-01-22 (Wednesday)\r\n14:00 a\n14:03 b\r\n\r\n# 2025-01-23\r\n08:00 c\r\n"
    )
    assert [entry.text for entry in journal.read(path, PT)] == ["a", "b", "c"]
    assert [each.name for each in tmp_path.iterdir()] == ["journal.md"]


def test_a_note_in_the_hour_that_comes_twice_keeps_its_instant(tmp_path: Path) -> None:
    path = tmp_path / "journal.md"

    for utc in ("2025-11-02T08:30:00", "2025-11-02T09:30:00"):
        append(path, utc, utc)

    assert [iso(entry.at).removesuffix("Z") for entry in journal.read(path, PT)] == [
        "2025-11-02T08:30:00",
        "2025-11-02T09:30:00",
    ]


def test_an_empty_note_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no text"):
        append(tmp_path / "journal.md", " \n", "2025-01-22T22:03:00")


def test_an_unknown_kind_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'flagg' is no kind of entry"):
        append(tmp_path / "journal.md", "x", "2025-01-22T22:03:00", tags=["flagg"])

    assert not (tmp_path / "journal.md").exists()


def test_a_name_of_two_words_stays_one_person(tmp_path: Path) -> None:
    append(tmp_path / "journal.md", "x", "2025-01-22T22:03:00", by=["Mary Ann"])

    assert journal.read(tmp_path / "journal.md", PT)[0].people == ("Mary-Ann",)


def test_the_reference_journal_has_every_entry(root: Path) -> None:
    found = journal.read(root / "deployments/2025-01-22-telemetry-step2/journal.md", PT)

    assert len(found) == 70
    assert sum(entry.kind == "flag" for entry in found) == 4
    assert {entry.phase for entry in found} >= {"Ramp of the feature flag", "Restarts", "Extended monitoring"}
