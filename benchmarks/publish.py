"""
What publishing one new report costs in an archive of 1,000, 3,000 and 10,000 pages, and what building all costs.

CPU seconds of a fresh process (user and system, children included), medians of five. Start-up is a process that imports
the same (MkDocs, its theme, matplotlib, our modules) and reads the same mkdocs.yml, and publishes nothing. Memory is the
highest of the process. Of the largest archive only its reports and its search index are made, not its pages.
"""

from __future__ import annotations

import json
import math
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

from evidence import KEY, NOW, entries  # noqa: E402
from test_publish_pages import AFTER, HELD, checkpoint, lines, metric, page  # noqa: E402
from test_publish_site import workspace  # noqa: E402

from deploybook.evidence import Log, statement  # noqa: E402
from deploybook.evidence.seal import FOLDER, SUMS, copy  # noqa: E402
from deploybook.publish.gather import Page  # noqa: E402

SIZES, BUILT, ROUNDS = (1_000, 3_000, 10_000), 3_000, 5
SERVICES = 20
TABLE = "<div>\n<table>" + "<tr><td>Parser latency p50</td><td>58.4 ms</td></tr>\n" * 60 + "</table>\n</div>"
CHART = "<figure><svg>" + "<path d='M0 0l1 1'/>" * 900 + "</svg></figure>"
PUBLISH = """
import re, sys
from pathlib import Path
from deploybook.publish import publish
how, root, seal = sys.argv[1], Path(sys.argv[2]), None
if how == "sealed":
    from evidence import KEY, NOW, Log
    from deploybook.evidence.seal import seal as put
    seal = lambda site, **part: put(Log.open(root / "evidence", key=KEY), site, NOW, **part)
done = publish(root, full=how == "full", seal=seal)
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())  # getrusage counts what the parent held
print(done.part, int(peak[1]) / 1024)
"""
START = """
import sys
import deploybook.charts.plot, deploybook.charts.svg, deploybook.publish.hooks, deploybook.publish.pages.metrics
import material, matplotlib.figure, matplotlib.backends.backend_svg, mkdocs.commands.build, mkdocs.config
config = mkdocs.config.load_config(sys.argv[1] + "/mkdocs.yml", strict=True)
config.plugins.on_startup(command="build", dirty=False)
"""

START_SEALED = f"""
import cryptography.hazmat.primitives.asymmetric.ed25519, deploybook.evidence.seal
{START}
"""


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
            "checkpoints": lines(len(AFTER)),
            "metrics": tuple(metric(50.0 + number % 9, id=f"m{n}") for n in range(5)),
            "evidence": (HELD,) * 40,
            "table": TABLE,
            "chart": CHART,
        }
        name = f"checkpoint-{AFTER[after - 1]}" if after else "index"
        path = f"{moved['as_of']:%Y/%m}/d{number}/{name}"
        found.append(Page.of(path, type(one.facts)(**facts)))
    return found


def add(root: Path, pages: list[Page]) -> None:
    workspace(root, *pages)
    for one in pages:
        file = root / "reports" / f"{one.path}.md"
        file.write_text(f"{file.read_text()}\n## Metrics\n\n{TABLE}\n\n## Evidence\n\n{TABLE}\n")
        for ending in ("json", "figures.jsonl"):
            (file.parent / f"{Path(one.path).name}.{ending}").write_text("{}\n")


def child(code: str, *arguments: str) -> tuple[float, float, list[str]]:
    """CPU seconds, wall seconds and the words on standard output of a fresh Python."""
    before, began = os.times(), time.perf_counter()
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True, check=True)
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


def keep_log(root: Path, size: int) -> None:
    """An evidence log with five entries a report and the list of six files a report, as if the site had been sealed."""
    log = Log.open(root / "evidence", key=KEY)
    entries(log, 5 * size)
    lines = (f"{number:064x}  2{number:07}/files/of/a/report.{number % 6}.html\n" for number in range(6 * size))
    listed = "".join(lines).encode()
    log.append([statement.publication(log.put(listed, "txt"), pages=6 * size)], NOW)
    (root / "site" / SUMS).write_bytes(listed)
    copy(log, root / "site" / FOLDER)


def poll(root: Path) -> tuple[int, int]:
    """How often three pages were read during 20 publications, and how often one was missing or not whole."""
    watched = [root / "site" / name for name in ("index.html", "archive/index.html", "404.html")]
    polls = broken = 0
    for number in range(20):
        add(root, deployment(-100 - number)[:1])
        with subprocess.Popen([sys.executable, "-c", PUBLISH, "part", str(root)], stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:
                for path in watched:
                    polls += 1
                    try:
                        broken += not path.read_bytes().rstrip().endswith(b"</html>")
                    except FileNotFoundError:
                        broken += 1
        assert process.returncode == 0
    return polls, broken


def main() -> None:
    medians, full, start = {}, {}, 0.0
    for size in SIZES:
        root = Path(tempfile.mkdtemp(prefix=f"publish-{size}-")) / "ws"
        for number in range(size // 5):
            add(root, deployment(number))
        if not start:
            start = statistics.median(child(START, str(root))[0] for _ in range(ROUNDS))
            print(f"start: {start:.2f} CPU s")
        if size <= BUILT:
            cpu, wall, _ = child(PUBLISH, "full", str(root))
            index = (root / "site" / "search" / "search_index.json").stat().st_size
            full[size] = cpu - start
            print(f"{size} pages: all built in {cpu:.1f} CPU s, {wall:.1f} s; search index {index / 1e6:.2f} MB")
        else:
            pretend_built(root)
        runs = []
        for count in range(1, ROUNDS + 1):
            add(root, deployment(-count)[:1])
            runs.append(child(PUBLISH, "part", str(root)))
        assert all(words[0] == "True" for _, _, words in runs), "a part was expected"
        medians[size] = statistics.median(run[0] for run in runs)
        memory = max(float(words[1]) for _, _, words in runs)
        above = medians[size] - start
        print(f"{size} pages: one new report in {medians[size]:.2f} CPU s, {above:.2f} above start, {memory:.0f} MB")
        if size == SIZES[0]:
            print("{} polls of the site during 20 publications: {} torn or missing pages".format(*poll(root)))
        if size == SIZES[-1]:
            keep_log(root, size)
            start = statistics.median(child(START_SEALED, str(root))[0] for _ in range(ROUNDS))
            sealed = []
            for count in range(ROUNDS + 1):  # the first reads the whole log and keeps what it learns
                add(root, deployment(-ROUNDS - 1 - count)[:1])
                cpu, _, words = child(PUBLISH, "sealed", str(root))
                sealed.append((cpu - start, float(words[1])))
            (cold, _), *warm = sealed
            cpu, memory = (statistics.median(each) for each in zip(*warm, strict=True))
            print(f"with an evidence log of {5 * size} entries: {cpu:.2f} CPU s above start, {memory:.0f} MB", end="")
            print(f" (the first time {cold:.2f})")
        shutil.rmtree(root.parent)
    (one, many), (cost, costs) = full, full.values()
    print(f"all built: exponent {math.log(costs / cost) / math.log(many / one):.2f} (goal 1.1)")
    print(f"largest to smallest: {max(medians.values()) / min(medians.values()):.2f} (goal 1.5)")


if __name__ == "__main__":
    main()
