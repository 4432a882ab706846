"""Notebooks for the tests of `run`: one that shows something of every kind, and those that misbehave."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from deploybook.run import Job, Limits, Status

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def notebook(path: Path, *sources: str, tags: Mapping[int, Sequence[str]] | None = None) -> Path:
    """Writes a notebook of these code cells; tags by the number of the cell."""
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {"tags": list((tags or {}).get(number, ()))},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(sources)
    ]
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": KERNEL, "language_info": {"name": "python"}},
    }
    path.write_text(json.dumps({**document, "cells": cells}), encoding="utf-8")
    return path


# A source, and "fails" before it where the cell is meant to raise.
EVERY_KIND = """
x = 1
---
1 + 1
---
print("out"); print("more", end=""); x
---
import sys
print("a"); print("b", file=sys.stderr); print("c")
---
print("a", flush=True); print("b", file=sys.stderr, flush=True); print("c")
---
None
---
x;
---
[n ** 2 for n in range(200)]
---
{"k": {1, 2, 3}, "é": "£\\U0001f600", "long": "x" * 300}
---
from IPython.display import HTML, JSON, SVG, Image, Javascript, Latex, Markdown, Pretty, clear_output, display
display(HTML("<b>bold</b>"), Markdown("*it*"), Latex("$x$"), JSON({"a": [1]}), Pretty("p"), Javascript("1"))
---
display({"text/plain": "p", "text/html": "<i>h</i>", "application/json": {"n": 1}}, raw=True, metadata={"text/html": {"alt": "words"}})
---
import base64
Image(base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="))
---
SVG('<svg xmlns="http://www.w3.org/2000/svg"><circle r="3"/></svg>')
---
shown = display("first", display_id="one"); display("other"); display("again", display_id="one")
---
shown.update("second")
---
print("gone"); clear_output(); print("kept")
---
print("gone later"); display(1); clear_output(wait=True); display(2)
---
for n in range(3): print(f"\\r{n}", end="")
---
class Rich:
    def _repr_html_(self): return "<p>rich</p>"
    def _repr_mimebundle_(self, include=None, exclude=None): return {"application/x-own": "own"}, {"application/x-own": {"k": 1}}
    def __repr__(self): return "Rich()"
Rich()
---
fails class Broken:
    def __repr__(self): raise ValueError("no repr")
Broken()
---
fails class Half:
    def _repr_html_(self): raise ValueError("no html")
    def __repr__(self): return "Half()"
Half()
---
import numpy as np, pandas as pd
frame = pd.DataFrame({"time": pd.date_range("2025-01-22T22:00Z", periods=100, freq="15s"), "value": np.linspace(0, 1, 100), "n": range(100)})
frame
---
pd.DataFrame(np.arange(600.0).reshape(20, 30))
---
frame.describe()
---
print(frame)
---
frame["value"]
---
pd.DataFrame({"a": [1.5, None], "b": ["x", "<b>"]}, index=pd.MultiIndex.from_tuples([("p", 1), ("q", 2)]))
---
pd.set_option("display.max_rows", 6); frame
---
pd.DataFrame(np.ones((3, 40))).info()
---
frame.head(2).style.set_uuid("fixed").format(precision=1)
---
np.arange(2000)
---
pd.Timestamp("2025-01-22T22:00Z"), np.float64(0.1), np.datetime64("2025-01-22")
---
import matplotlib.pyplot as plt
plt.plot([1, 2, 3]);
---
fig, ax = plt.subplots(figsize=(2, 1)); ax.bar(["a", "b"], [1, 2]); fig
---
plt.figure(figsize=(1, 1)); plt.plot([1]); plt.show(); print("between"); plt.figure(figsize=(1, 1)); plt.plot([2])
---
fig, ax = plt.subplots(); plt.close(fig); print("none")
---
plt.rcParams["svg.hashsalt"] = "salt"; plt.rcParams["savefig.dpi"] = 50; import matplotlib; matplotlib.get_backend()
---
%config InlineBackend.figure_formats = ["svg"]
import datetime; plt.rcParams["svg.fonttype"] = "none"
---
plt.plot([datetime.datetime(2025, 1, 22, n) for n in range(3)], [1, 2, 3]); plt.gcf().savefig("own.svg", metadata={"Date": None}); plt.close()
---
%matplotlib inline
from matplotlib_inline.backend_inline import set_matplotlib_formats
set_matplotlib_formats("png", "svg", metadata={}); plt.figure(figsize=(1, 1), facecolor="none"); plt.plot([1, 2]);
---
fig, axes = plt.subplots(2, 2, layout="constrained", figsize=(4, 3)); image = axes[0, 0].imshow([[1, 2], [3, 4]]); fig.colorbar(image, ax=axes); axes[1, 1].set_xlabel("x" * 60)
axes[0, 1].plot([datetime.datetime(2025, 1, 22, n) for n in range(20)], range(20), label="dates"); axes[0, 1].legend(); axes[1, 0].set_title("several\\nlines")
---
fig, axes = plt.subplots(1, 2, figsize=(4, 2)); axes[0].plot(range(50), label="a"); axes[0].plot(range(50, 0, -1), label="b"); axes[0].legend(loc="best"); axes[1].set_yscale("log"); axes[1].plot([1, 10, 1e9]); fig.autofmt_xdate(); fig.tight_layout()
---
fig = plt.figure(figsize=(3, 3), layout="tight"); ax = fig.add_subplot(projection="polar"); ax.plot([0, 1, 2], [1, 2, 3]); ax.annotate("here", (1, 2), (2, 3), arrowprops={"arrowstyle": "->"}); ax.set_title("$x^2$")
---
fig, ax = plt.subplots(figsize=(3, 2)); ax.bar(range(3), [1e6, 2e6, 3e6]); ax.ticklabel_format(useOffset=True); ax.set_xticks(range(3), ["long label " * 2] * 3, rotation=45); ax.twinx().plot([3, 2, 1], "--")
---
fig, ax = plt.subplots(); ax.plot([1, 2]); fig.savefig("own.png"); ax.set_ylim(0, 9); plt.show(); get_ipython().run_line_magic("config", "InlineBackend.close_figures = False"); plt.plot([3, 1])
---
plt.title("still open")
---
%config InlineBackend.close_figures = True
---
plt.plot([5])
---
plt.ioff(); plt.plot([1]); plt.ion(); 5
---
print("before"); fig = plt.figure(figsize=(1, 1)); display(fig); plt.close(fig); print("after")
---
fails plt.plot([1]); 1 / 0
---
fails def inner(v): return {}[v]
def outer(v):
    try: return inner(v)
    except KeyError as error: raise RuntimeError("outer") from error
outer("key")
---
fails frame["no such column"]
---
fails x = = 1
---
fails raise KeyboardInterrupt
---
fails print("said"); raise SystemError("s" * 500)
---
fails raise ExceptionGroup("several", [ValueError(1), TypeError(2)])
---
fails input("name? ")
---
fails import getpass; getpass.getpass()
---
import warnings, logging
warnings.warn("careful"); logging.warning("logged")
---
%pwd
---
%%html
<u>cell magic</u>
---
%%capture kept
print("captured"); display(3)
---
kept.stdout, len(kept.outputs)
---
%env KIND=every
---
!echo shell; echo err >&2; exit 3
---
lines = !echo one; echo two
lines, _exit_code
---
%%bash
echo from bash
---
%%bash
echo to err >&2
---
import os, subprocess
print("p1"); sys.stdout.flush(); os.system("echo raw"); subprocess.run(["echo", "child"]); os.write(1, b"bytes\\n"); import time; time.sleep(0.4)
---
os.write(2, b"errors\\n"); time.sleep(0.4)
---
subprocess.run(["sh", "-c", "echo piped"], capture_output=True, text=True).stdout
---
len?
---
await asyncio.sleep(0) if (asyncio := __import__("asyncio")) else None; "awaited"
---
async def soon(): return 5
task = asyncio.create_task(soon()); asyncio.get_running_loop().is_running()
---
await task
---
fails coroutine = soon(); asyncio.run(coroutine)
---
coroutine.close()
---
fails await asyncio.sleep(0); raise ValueError("in async")
---
import threading
t = threading.Thread(target=lambda: print("from thread")); t.start(); t.join(); print("joined")
---
import multiprocessing
def tell(n): print("from child", n, flush=True); return n
p = multiprocessing.get_context("fork").Process(target=tell, args=(1,)); p.start(); p.join(); time.sleep(0.3); p.exitcode
---
_, __, Out[2], In[1], len(In), len(Out)
---
sorted(name for name in globals() if not name.startswith("_i")), __name__, __doc__
---
type(get_ipython()).__name__, get_ipython().__class__.__module__, sys.stdout.isatty(), type(sys.stdin).__name__, sys.path[:1], sys.flags.hash_randomization
---
get_ipython().display_formatter.active_types, get_ipython().config.get("InlineBackend"), "IPKernelApp" in get_ipython().config, get_ipython().user_module.__name__
---
get_ipython().kernel.__class__.__name__, get_ipython().colors, get_ipython().kernel.implementation
---
%who int
---
%xmode
---
exec("y = 5"); get_ipython().run_cell("y + 1"); get_ipython().run_line_magic("precision", "3")
---
3.14159265
---
print("\\udc80 lone"); "x" * 20000
---
from rich import print as say; from rich.table import Table
table = Table("a", "b"); table.add_row("1", "[bold]2[/]"); say(table); table
---
sys.displayhook("hooked"); sys.stderr.write("count"); sys.stdout.write("6 chars")
---
fails get_ipython().showtraceback(); %no_such_magic
---
fails import no_such_module
---
frame.plot(x="time", y="value", figsize=(2, 1));
---
import tempfile, pathlib
made = tempfile.mkdtemp(); pathlib.Path(made).parent == pathlib.Path(os.environ["TMPDIR"]), pathlib.Path.cwd().name
"""


def every_kind(path: Path) -> Path:
    """The notebook with an output of every kind, also those of errors; all of it runs to the end."""
    sources = [source.strip("\n") for source in EVERY_KIND.split("\n---\n")]
    tags = {number: ["raises-exception"] for number, source in enumerate(sources) if source.startswith("fails ")}
    return notebook(path, *(source.removeprefix("fails ") for source in sources), tags=tags)


def canonical(document: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """The outputs of each code cell, without what differs from run to run: where a stream was cut, file names, times."""
    cells = []
    for cell in document["cells"]:
        outputs: list[dict[str, Any]] = []
        for output in _plain(cell.get("outputs", [])) if cell["cell_type"] == "code" else ():
            last = outputs[-1] if outputs else {}
            if output["output_type"] == "stream" and last.get("name") == output["name"]:
                last["text"] += output["text"]
            else:
                outputs.append(output)
        if cell["cell_type"] == "code":
            cells.append(outputs)
    return cells


def _plain(value: Any, key: str = "") -> Any:
    """value with its texts whole (nbformat writes them as lines), and without file names of cells and dates of images."""
    if isinstance(value, list) and key not in ("traceback", "application/json") and value and isinstance(value[0], str):
        value = "".join(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one, name) for name, one in value.items()}
    if isinstance(value, str) and key not in ("image/png", "image/jpeg"):
        for pattern, plain in VARIES.items():
            value = re.sub(pattern, plain, value)
    return value


VARIES = {
    r"[^\s\"']{0,200}/ipykernel_\d+/": "cell/",
    r"<dc:date>[^<]*": "<dc:date>",
    r" at 0x[0-9a-f]+>": " at 0x>",
    re.escape(sys.prefix): "python",
    re.escape(sys.base_prefix): "python",
}


SHORT = Limits(cell=timedelta(seconds=3), grace=timedelta(seconds=1), memory=400 << 20, output=2_000_000, outputs=500)
HOSTILE = {
    "hang": ("print('before')\nwhile True: pass", Status.TIMEOUT),
    "ignores the interrupt": ("import signal\nsignal.signal(2, signal.SIG_IGN)\nwhile True: pass", Status.TIMEOUT),
    "swallows the interrupt": (
        "while True:\n  try:\n    while True: pass\n  except BaseException: pass",
        Status.TIMEOUT,
    ),
    "64 GB at once": ("taken = bytearray(64 << 30)", Status.MEMORY),
    "memory step by step": ("kept = []\nwhile True: kept.append(bytearray(b'x' * (4 << 20)))", Status.MEMORY),
    "memory in a child": (
        "import os\nif not os.fork():\n  kept = []\n  while len(kept) < 95: kept.append(bytearray(b'x' * (4 << 20)))\n"
        "import time; time.sleep(60)",
        Status.MEMORY,
    ),
    "1 GB of text": ("for _ in range(1000): print('x' * 1_000_000)", Status.FLOOD),
    "1 GB past Python": ("import os\nwhile True: os.write(1, b'x' * 100_000)", Status.FLOOD),
    "a million outputs": ("for n in range(10**6): display(n)", Status.FLOOD),
    "os._exit(0)": ("import os; os._exit(0)", Status.DIED),
    "os._exit(3)": ("import os; os._exit(3)", Status.DIED),
    "sys.exit(0)": ("import sys; sys.exit(0)", Status.EARLY_EXIT),
    "quit()": ("quit()", Status.EARLY_EXIT),
    "segmentation fault": ("import ctypes; ctypes.string_at(0)", Status.DIED),
    "killed": ("import os; os.kill(os.getpid(), 9)", Status.KILLED),
    "input()": ("input('name? ')", Status.CELL_ERROR),
    "thread that never ends": (
        "import threading, time\nthreading.Thread(target=lambda: [time.sleep(1) for _ in range(999)]).start()",
        Status.TIMEOUT,
    ),
    "garbage on the stream": ("import os\nos.write(get_ipython().kernel.session.pipe, b'{]}\\n')", Status.DIED),
}


def write_hostile(folder: Path) -> dict[str, Job]:
    """A job for each. A good cell stands before, one after; the thread is in the last cell."""
    jobs = {}
    for number, (name, (source, _)) in enumerate(HOSTILE.items()):
        after = [] if "thread" in name else ["print('after')"]
        path = notebook(folder / f"{number}.ipynb", "print('good')", source, *after)
        jobs[name] = Job(notebook=path, output=folder / f"{number}-out.ipynb")
    return jobs
