"""
What publishing one new report costs in an archive of 1,000, 3,000 and 10,000 pages, and what building all costs.

CPU seconds of a fresh process (user and system, children included), medians of five; `start` is the same process that
imports and publishes nothing. Of the largest archive only its reports and its search index are made, not its pages.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from test_publish_pages import AFTER, HELD, checkpoint, metric, page  # noqa: E402
from test_publish_site import workspace  # noqa: E402

from deploybook.publish.gather import Page  # noqa: E402

SIZES, BUILT, ROUNDS = (1_000, 3_000, 10_000), 3_000, 5
SERVICES = 20
TABLE = "<div>\n<table>" + "<tr><td>Parser latency p50</td><td>58.4 ms</td></tr>\n" * 60 + "</table>\n</div>"
PUBLISH = (
    "import resource, sys; from pathlib import Path; from deploybook.publish import publish;"
    "done = publish(Path(sys.argv[1]), full={full});"
    "print(done.part, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
)
START = "import deploybook.publish.hooks, mkdocs.commands.build, mkdocs.config, material, matplotlib.figure, matplotlib.backends.backend_svg"


def deployment(number: int) -> list[Page]:
    """The window's report and five more of one deployment; one deployment every 44 hours."""
    early = timedelta(hours=-44 * number)
    found = []
    for after in range(len(AFTER) + 1):
        one = page() if not after else checkpoint(after)
        moved = {name: getattr(one.facts, name) + early for name in ("start", "end", "observed_until", "as_of")}
        facts = {
            **{name: getattr(one.facts, name) for name in one.facts.__dataclass_fields__},
            **moved,
            "deployment": f"d{number}",
            "ticket": f"CHG-{number:05}",
            "service": f"service-{number % SERVICES}",
            "closed": "" if number < 0 else "succeeded",
            "checkpoints": (),
            "metrics": tuple(metric(50.0 + number % 9, id=f"m{n}") for n in range(5)),
            "evidence": (HELD,) * 20,
            "table": TABLE,
        }
        name = f"checkpoint-{AFTER[after - 1]}" if after else "index"
        path = f"{moved['as_of']:%Y/%m}/d{number}/{name}"
        found.append(Page(path=path, facts=type(one.facts)(**facts)))
    return found


def add(root: Path, pages: list[Page]) -> None:
    workspace(root, *pages)
    for one in pages:
        file = root / "reports" / f"{one.path}.md"
        file.write_text(f"{file.read_text()}\n## Metrics\n\n{TABLE}\n\n## Evidence\n\n{TABLE}\n")


def child(code: str, *arguments: str) -> tuple[float, float, list[str]]:
    """CPU seconds, wall seconds and the words on standard output of a fresh Python."""
    before, began = os.times(), time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return cpu, time.perf_counter() - began, done.stdout.split()


def pretend_built(root: Path) -> None:
    """The state of a built site, with the pages that the next publication reads of it."""
    from deploybook.publish import compose, listed, log_before, scan
    from deploybook.publish.state import State, fingerprint, stamps, write_state
    from deploybook.publish.tree import write_pages

    reports, site = root / "reports", root / "site"
    folders = scan(reports, {})
    pages = listed(reports, folders)
    write_pages(reports, compose(pages, log=log_before(pages)))
    (site / "search").mkdir(parents=True)
    entries = [
        {"location": f"{one.address}#metrics", "title": one.title, "text": "Parser latency p50 58.4 ms " * 40}
        for one in pages[:540]
    ]
    (site / "search" / "search_index.json").write_text(json.dumps({"config": {}, "docs": entries}))
    for name in ("index.html", "404.html"):
        (site / name).write_text("")
    write_state(root, State(fingerprint=fingerprint(root, False), site=stamps(site), hashes=[], folders=folders))


def main() -> None:
    start = statistics.median(child(START)[0] for _ in range(ROUNDS))
    print(f"start: {start:.2f} CPU s")
    medians = {}
    for size in SIZES:
        root = Path(tempfile.mkdtemp(prefix=f"publish-{size}-")) / "ws"
        for number in range(size // 5):
            add(root, deployment(number))
        if size <= BUILT:
            cpu, wall, _ = child(PUBLISH.format(full=True), str(root))
            index = (root / "site" / "search" / "search_index.json").stat().st_size
            print(f"{size} pages: all built in {cpu:.1f} CPU s, {wall:.1f} s; search index {index / 1e6:.2f} MB")
        else:
            pretend_built(root)
        runs = []
        for count in range(1, ROUNDS + 1):
            add(root, deployment(-count)[:1])
            runs.append(child(PUBLISH.format(full=False), str(root)))
        assert all(words[0] == "True" for _, _, words in runs), "a part was expected"
        medians[size] = statistics.median(run[0] for run in runs)
        memory = max(float(words[1]) for _, _, words in runs)
        above = medians[size] - start
        print(f"{size} pages: one new report in {medians[size]:.2f} CPU s, {above:.2f} above start, {memory:.0f} MB")
        shutil.rmtree(root.parent)
    ratio = max(medians.values()) / min(medians.values())
    print(
        f"largest to smallest: {ratio:.2f} (goal 1.5); above start at most {max(medians.values()) - start:.2f} CPU s (goal 0.6)"
    )


if __name__ == "__main__":
    main()
