"""Real runs, in forks of one warm process: what a cell shows, what may go wrong, and that nothing stays behind."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from run_notebooks import HOSTILE, SHORT, canonical, every_kind, notebook, write_hostile

from deploybook.errors import UsageProblem
from deploybook.run import Limits, RunResult, Status, execute, execute_many, fork
from deploybook.run.environment import kernel_environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="a fork is safe on Linux only"),
]


@pytest.fixture(autouse=True, scope="module")
def _no_warm_process_left() -> Iterator[None]:
    yield
    fork.end_warm()
    assert not [one for one in psutil.Process().children(recursive=True) if "deploybook.run" in " ".join(one.cmdline())]


def run(path: Path, *sources: str, limits: Limits = SHORT, **more: Any) -> RunResult:
    """One notebook of these cells, run where it lies."""
    return execute(notebook(path / "n.ipynb", *sources), path / "out.ipynb", limits=limits, **more)


def alive(pid: int) -> bool:
    """Whether a process still runs; one that only waits for init to take notice does not."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def cells_of(result: RunResult) -> list[list[dict[str, Any]]]:
    return canonical(json.loads(result.notebook.read_text()))


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The notebook with an output of every kind, and what papermill makes of it with a kernel of its own."""
    folder = tmp_path_factory.mktemp("stock")
    source, executed = every_kind(folder / "every.ipynb"), folder / "stock.ipynb"
    code = "import papermill, sys; papermill.execute_notebook(*sys.argv[1:3], progress_bar=False, cwd=sys.argv[3])"
    (folder / "work").mkdir()
    subprocess.run(
        [sys.executable, "-c", code, source, executed, folder / "work"],
        env=kernel_environment(folder),
        capture_output=True,
        timeout=180,
    )  # papermill ends with the error that a cell was meant to show; what counts is what it stored
    return source, executed


@pytest.mark.parametrize("isolation", ["fork", pytest.param("process", marks=pytest.mark.bench)])
def test_every_kind_of_output_equals_stock_papermill(stock: tuple[Path, Path], isolation: Any) -> None:
    source, executed = stock
    expected = canonical(json.loads(executed.read_text()))
    output = source.with_name(f"{isolation}.ipynb")

    assert len(expected) > 80
    assert sum("image/png" in one.get("data", {}) for outputs in expected for one in outputs) >= 8
    for turn in ("first", "again", "rehearsed"):  # what the warm process learned and drew must not show
        result = execute(source, output, cwd=source.parent / "work", isolation=isolation)
        assert result.ok, result.reason
        for place, (ours, theirs) in enumerate(zip(cells_of(result), expected, strict=True)):
            assert ours == theirs, f"cell {place}, {turn}"


def test_a_cell_that_python_warns_of_is_warned_of_in_each_run(tmp_path: Path) -> None:
    first, second = (run(tmp_path, "x = 1\nx is 1") for _ in range(2))

    assert first.stderr.count("SyntaxWarning") == 3  # IPython compiles it three times
    assert [cells_of(first)] == [cells_of(second)]


def test_a_cell_can_change_how_the_next_is_read_in_each_run(tmp_path: Path) -> None:
    rule = "get_ipython().input_transformer_manager.cleanup_transforms.append(lambda lines: [line.replace('a', 'b') for line in lines])"

    plain = run(tmp_path, "1", "print('aaa')")
    changed = run(tmp_path, rule, "print('aaa')")

    assert (plain.stdout, changed.stdout) == ("aaa\n", "bbb\n")


def test_what_two_threads_print_at_once_is_all_there(tmp_path: Path) -> None:
    source = (
        "import threading, sys\nsys.setswitchinterval(1e-6)\n"
        "def say(word):\n    for n in range(2000): print(word, n)\n"
        "both = [threading.Thread(target=say, args=(word,)) for word in 'ab']\n"
        "for one in both: one.start()\nfor one in both: one.join()"
    )

    result = run(tmp_path, source)

    (output,) = cells_of(result)[0]
    expected = "".join(f"{word} {number}\n" for word in "ab" for number in range(2000))
    assert Counter(output["text"]) == Counter(expected)  # in any order


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunResult]:
    """The result of each, several at once. A good cell stands before, one after; the thread is in the last cell."""
    jobs = write_hostile(tmp_path_factory.mktemp("hostile"))
    limits = replace(SHORT, run=timedelta(seconds=6))
    names = {job.output: name for name, job in jobs.items()}
    return {names[job.output]: result for job, result in execute_many(jobs.values(), workers=4, limits=limits)}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_misbehaves_is_named_and_never_green(hostile: dict[str, RunResult], name: str) -> None:
    result = hostile[name]

    assert result.status is HOSTILE[name][1], result.reason
    assert result.seconds < 15
    document = json.loads(result.notebook.read_text())
    assert "Run failed" in document["cells"][0]["source"]
    assert document["metadata"]["deploybook"]["status"] == str(result.status)
    good = next(cell for cell in document["cells"] if cell["source"] == "print('good')")
    assert good["outputs"] == [{"output_type": "stream", "name": "stdout", "text": "good\n"}]
    assert not any("after" in str(cell.get("outputs")) for cell in document["cells"])
    assert result.notebook.stat().st_size < 3_000_000


def test_an_interrupted_cell_shows_where_it_hung(hostile: dict[str, RunResult]) -> None:
    result = hostile["hang"]

    assert result.error_name == "KeyboardInterrupt"
    assert (result.cell, result.source) == (1, "print('before')")
    assert result.stdout == "good\nbefore\n"


def test_a_thread_that_prints_after_the_last_cell_is_heard(tmp_path: Path) -> None:
    source = (
        "import threading, time\ndef late():\n  time.sleep(0.5); print('late')\nthreading.Thread(target=late).start()"
    )

    assert run(tmp_path, source).stdout == "late\n"


def test_a_cell_that_forks_and_comes_back_runs_the_rest_once(tmp_path: Path) -> None:
    result = run(tmp_path, "import os; child = os.fork()", "x = 1", "open('ran', 'a').write('once ')")

    assert result.ok
    assert (tmp_path / "ran").read_text() == "once "


def test_nothing_that_a_notebook_started_stays(tmp_path: Path) -> None:
    source = (
        "import subprocess, os, time\n"
        "one = subprocess.Popen(['sleep', '999'])\n"
        "two = subprocess.Popen(['sleep', '999'], start_new_session=True)\n"
        "read, write = os.pipe()\n"
        "if not (middle := os.fork()):\n"
        "  os.setsid()\n"
        "  if not os.fork():\n"
        "    os.write(write, str(os.getpid()).encode()); time.sleep(999)\n"
        "  os._exit(0)\n"
        "os.waitpid(middle, 0)\n"
        "print(one.pid, two.pid, os.read(read, 9).decode(), os.environ['TMPDIR'])\n"
    )
    good, bad = (run(tmp_path, source, *more) for more in ([], ["os._exit(0)"]))

    for result in (good, bad):
        *pids, folder = result.stdout.split()
        assert len(pids) == 3
        assert not any(alive(int(pid)) for pid in pids)
        assert not Path(folder).exists()
    assert (good.status, bad.status) == (Status.OK, Status.DIED)


def test_a_cell_sees_no_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROMETHEUS_TOKEN", "DEPLOYBOOK_SIGNING_KEY", "AWS_SECRET_ACCESS_KEY", "SLACK_WEBHOOK"):
        monkeypatch.setenv(name, "canary-value")
    source = "import os\nprint(dict(os.environ), open('/proc/self/environ').read(), open(f'/proc/{os.getppid()}/environ').read())"

    result = run(tmp_path, source)

    assert result.ok
    assert "PATH" in result.stdout
    assert "canary" not in result.notebook.read_text()


def test_what_is_said_ahead_of_the_cells_is_theirs_to_read_only(tmp_path: Path) -> None:
    source = (
        "import fcntl, os\n"
        f"place = '/proc/{os.getpid()}/fd/'\n"
        "for name in os.listdir(place):\n"
        "    if os.path.islink(place + name) and 'told' in os.readlink(place + name):\n"
        "        try:\n"
        "            os.write(told := os.open(place + name, os.O_RDWR), b'forged')\n"
        "            fcntl.fcntl(told, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)\n"
        "        except PermissionError:\n"
        "            print('sealed')"
    )

    result = run(tmp_path, source, ahead="pickle:dumps")

    assert (result.stdout, result.told) == ("sealed\n", pickle.dumps({}))
    assert run(tmp_path, source).told == b""


def test_no_cell_runs_where_what_goes_ahead_fails(tmp_path: Path) -> None:
    result = run(tmp_path, "print('ran')", ahead="json:loads")

    assert (result.status, result.told, result.cells_done) == (Status.DIED, b"", 0)


def test_runs_do_not_see_each_other(tmp_path: Path) -> None:
    first = "import pandas as pd, os, builtins\npd.set_option('display.max_rows', 3); builtins.left = 1; os.environ['LEFT'] = 'x'"
    second = "import pandas as pd, os, builtins\nprint(pd.get_option('display.max_rows'), hasattr(builtins, 'left'), 'LEFT' in os.environ)"

    assert run(tmp_path, first).ok
    assert run(tmp_path, second).stdout == "60 False False\n"


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    source = (
        "import random, numpy as np, warnings, matplotlib.pyplot as plt\n"
        "plt.rcParams['svg.hashsalt'] = 'deploybook'\n"
        "print(random.random(), np.random.rand(), {'b', 'a', 'c'})\n"
        "warnings.warn('careful')\nplt.plot([1, 2])"
    )
    runs = []
    for _ in range(2):
        assert run(tmp_path, source).ok
        runs.append((tmp_path / "out.ipynb").read_bytes())

    assert _without_addresses(runs[0]) == _without_addresses(runs[1])


def _without_addresses(content: bytes) -> bytes:
    import re

    return re.sub(rb" at 0x[0-9a-f]+", b"", content)


def test_figures_of_a_notebooks_own_are_drawn_alike(tmp_path: Path) -> None:
    sources = (
        "from deploybook import figure_defaults\nfigure_defaults()",
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(8, 3)); ax.plot([1, 3]); ax.set_xlabel('the hour');",
    )

    one, other = (cells_of(run(tmp_path, *sources))[1] for _ in range(2))

    assert one == other
    (figure,) = one
    svg = figure["data"]["image/svg+xml"]
    assert "the hour</text>" in svg
    assert "dc:date" not in svg
    assert set(figure["data"]) == {"image/svg+xml", "text/plain"}
    height, label = re.search(r'height="([\d.]+)pt"', svg), re.search(r'y="([\d.]+)"[^>]*>the hour', svg)
    assert height and label and float(label[1]) + 3 < float(height[1])  # inside, though nothing was fitted


def test_different_runs_draw_different_random_numbers(tmp_path: Path) -> None:
    source = "import random, numpy as np\nprint(random.random(), np.random.rand())"

    one = run(tmp_path, source, "1").stdout.split()
    two = run(tmp_path, source, "2").stdout.split()
    assert not set(one) & set(two)


def test_parameters_reach_the_cells(tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "n.ipynb", "deployment, after = 'none', None", "print(deployment, after)", tags={0: ["parameters"]}
    )

    result = execute(path, tmp_path / "out.ipynb", {"deployment": "2025-01-22-telemetry-step2", "after": "24h"})

    assert result.stdout == "2025-01-22-telemetry-step2 24h\n"
    document = json.loads(result.notebook.read_text())
    assert document["cells"][1]["metadata"]["tags"] == ["injected-parameters"]
    assert document["metadata"]["papermill"] == {
        "parameters": {"deployment": "2025-01-22-telemetry-step2", "after": "24h"}
    }


def test_wrong_parameters_start_nothing(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", "after = None", tags={0: ["parameters"]})

    with pytest.raises(UsageProblem, match="did you mean 'after'"):
        execute(path, tmp_path / "out.ipynb", {"aftr": "24h"})
    assert not (tmp_path / "out.ipynb").exists()


def test_the_notebook_is_complete_at_every_moment_it_is_read(tmp_path: Path) -> None:
    path, seen, done = tmp_path / "out.ipynb", set(), threading.Event()

    def poll() -> None:
        while not done.is_set():
            if path.exists():
                seen.add(json.loads(path.read_text())["metadata"]["deploybook"]["status"])

    reader = threading.Thread(target=poll)
    reader.start()
    result = run(tmp_path, "import time; time.sleep(0.3)")
    time_limit = time.monotonic() + 5
    while "ok" not in seen and time.monotonic() < time_limit:
        done.wait(0.01)
    done.set()
    reader.join()

    assert result.ok
    assert seen == {"running", "ok"}


def test_a_cancelled_run_ends(tmp_path: Path) -> None:
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()

    result = run(tmp_path, "import time; time.sleep(60)", limits=Limits(), cancel=cancel)

    assert result.status is Status.CANCELLED
    assert result.seconds < 20


def test_a_killed_warm_process_is_replaced(tmp_path: Path) -> None:
    assert run(tmp_path, "1").ok
    [warm] = fork._warm.values()
    warm.process.kill()
    warm.process.wait()

    assert run(tmp_path, "2").ok


def test_another_environment_gets_another_warm_process(tmp_path: Path) -> None:
    assert run(tmp_path, "import os; print(os.environ.get('KIND'))", environment={"KIND": "a"}).stdout == "a\n"
    assert run(tmp_path, "import os; print(os.environ.get('KIND'))").stdout == "None\n"
    assert len(fork._warm) == 1


def test_the_warm_process_has_no_thread_that_could_hold_a_lock(tmp_path: Path) -> None:
    source = (
        "import os, pathlib  # beside pandas, matplotlib, polars and deploybook\n"
        "print(*(one.read_text().strip() for one in pathlib.Path(f'/proc/{os.getppid()}/task').glob('*/comm')))"
    )

    # The cleaner of polars waits for work that only its own process gives; it holds no lock while it does.
    assert sorted(run(tmp_path, source).stdout.split()) in (["polars-ooc-clea", "python"], ["python"])


def test_a_fork_finds_imported_what_its_code_names(tmp_path: Path) -> None:
    sources = (
        "import sys; before = set(sys.modules)",
        "import pandas\nimport matplotlib.pyplot\nfrom deploybook import Book\nBook.open",
    )
    wanted = {"pandas", "matplotlib.pyplot", "scipy.special._ufuncs", "pydantic", "deploybook.book.pictures"}

    assert run(tmp_path, *sources, f"print({wanted} - before)").stdout == "set()\n"


def test_polars_works_in_a_fork(tmp_path: Path) -> None:
    source = "import polars as pl\nprint(pl.DataFrame({'a': range(100_000)}).lazy().group_by(pl.col('a') % 7).sum().collect().height)"

    assert [run(tmp_path, source).stdout for _ in range(5)] == ["7\n"] * 5


def test_another_kernel_goes_to_papermill(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", "1")
    path.write_text(path.read_text().replace('"name": "python3"', '"name": "julia-1.10"'))

    result = execute(path, tmp_path / "out.ipynb", limits=SHORT)

    assert result.status is Status.START_UP
    assert "No such kernel named julia-1.10" in result.reason


def test_papermill_finds_the_engine_and_gets_true_statuses(tmp_path: Path) -> None:
    papermill = pytest.importorskip("papermill")
    path = notebook(tmp_path / "n.ipynb", "x = 1", "print(x)", tags={0: ["parameters"]})

    papermill.execute_notebook(path, tmp_path / "out.ipynb", {"x": 2}, engine_name="deploybook", progress_bar=False)

    assert cells_of_path(tmp_path / "out.ipynb")[2][0]["text"] == "2\n"
    notebook(path, "1", "import sys; sys.exit(0)", "2")
    with pytest.raises(Exception, match="early exit"):
        papermill.execute_notebook(path, tmp_path / "out.ipynb", engine_name="deploybook", progress_bar=False)
    cells = json.loads((tmp_path / "out.ipynb").read_text())["cells"]
    statuses = [cell["metadata"]["papermill"]["status"] for cell in cells if cell["cell_type"] == "code"]
    assert statuses == ["completed", "failed", "pending"]


def test_papermills_parameters_are_declared_ones_and_true_to_their_type(tmp_path: Path) -> None:
    papermill = pytest.importorskip("papermill")
    path = notebook(
        tmp_path / "n.ipynb", "on: bool = True\nVERSION: str = '1'", "print(on, VERSION)", tags={0: ["parameters"]}
    )
    engine = {"engine_name": "deploybook", "progress_bar": False}

    papermill.execute_notebook(path, tmp_path / "out.ipynb", {"on": "false", "VERSION": "1.10"}, **engine)

    assert cells_of_path(tmp_path / "out.ipynb")[2][0]["text"] == "False 1.10\n"
    for given, told in (
        ({"off": 1}, "'off' is not declared"),
        ({"VERSION": 1.1}, r"'VERSION' \(str\): 1.1 does not fit"),
        ({"on = 1; print('ran') #": 1}, "is no parameter name"),
    ):
        with pytest.raises(UsageProblem, match=told):
            papermill.execute_notebook(path, tmp_path / "out.ipynb", given, **engine)
    notebook(path, "print(day)")  # declares nothing: then papermill's own rule holds
    papermill.execute_notebook(path, tmp_path / "out.ipynb", {"day": "07"}, **engine)
    assert cells_of_path(tmp_path / "out.ipynb")[1][0]["text"] == "07\n"
    with pytest.raises(UsageProblem, match="is no parameter name"):
        papermill.execute_notebook(path, tmp_path / "out.ipynb", {"x = 1; print('ran') #": 1}, **engine)


def cells_of_path(path: Path) -> list[list[dict[str, Any]]]:
    return canonical(json.loads(path.read_text()))


def test_a_killed_kernel_of_papermill_is_not_completed(tmp_path: Path) -> None:
    result = run(tmp_path, "print('good')", "import os; os.kill(os.getpid(), 9)", "1", isolation="process")

    assert result.status is Status.KILLED
    cells = json.loads(result.notebook.read_text())["cells"]
    statuses = [cell["metadata"]["papermill"]["status"] for cell in cells if cell["cell_type"] == "code"]
    assert statuses == ["completed", "failed", "pending"]


def test_a_hanging_kernel_of_papermill_leaves_nothing(tmp_path: Path) -> None:
    source = "import subprocess, os\np = subprocess.Popen(['sleep', '999'], start_new_session=True)\nprint(os.getpid(), p.pid)\nwhile True:\n  try:\n    while True: pass\n  except BaseException: pass"

    result = run(tmp_path, source, isolation="process")

    assert result.status is Status.TIMEOUT
    assert not any(alive(int(pid)) for pid in result.stdout.split())
