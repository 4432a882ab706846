"""The manual's list of commands is what the command says of itself."""

from __future__ import annotations

from pathlib import Path

import click

from deploybook.cli import VERBS, cli


def manual() -> str:
    """docs/reference/commands.md as the code would write it."""
    parts = [
        "# Commands and exit codes",
        "`-C DIR`, `-d SLUG` and `--now TIME` may stand before or after the command.",
        "| exit code | meaning |\n|---|---|\n"
        "| 0 | done; verdict pass or watch |\n"
        "| 1 | our own failure: a notebook failed, a source is unreachable |\n"
        "| 2 | usage, or a hand-written file with mistakes |\n"
        "| 3 | verdict breach |\n"
        "| 4 | verdict unclear, or asked before it is due |\n"
        "| 5 | no data |\n"
        "| 6 | evidence does not verify |",
    ]
    for name in VERBS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        text = command.get_help(
            click.Context(
                command, info_name=f"deploybook {name}", terminal_width=100, help_option_names=["-h", "--help"]
            )
        )
        parts.append(f"## {name}\n\n```text\n{text}\n```")
    return "\n\n".join(parts) + "\n"


def test_the_manual_lists_every_command_and_option(root: Path) -> None:
    """To write it anew: python tests/test_commands_manual.py"""
    assert (root / "docs" / "reference" / "commands.md").read_text(encoding="utf-8") == manual()


if __name__ == "__main__":
    (Path(__file__).parents[1] / "docs" / "reference" / "commands.md").write_text(manual(), encoding="utf-8")
