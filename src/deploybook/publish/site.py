"""Building site/ with MkDocs, beside the old one, then putting it in the old one's place in one step."""

from __future__ import annotations

import ctypes
import filecmp
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DeploybookError, PublishFailed
from .policy import write_headers

if TYPE_CHECKING:
    from .hooks import Plan

STAGING = ".site-staging"
AT_FDCWD, RENAME_EXCHANGE = -100, 2


@dataclass(frozen=True, kw_only=True)
class Built:
    """site: the folder. hashes: of all inline scripts. again: whether a part can be built next time."""

    site: Path
    hashes: frozenset[str]
    again: bool


def site_of(root: Path) -> Path:
    """Where the site goes, by mkdocs.yml; read without its tags, which only MkDocs knows."""
    import re

    named = re.search(r"^site_dir:\s*([^#\n]+)", (root / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    return root / (named[1].strip().strip("'\"") if named else "site")


def build_site(
    root: Path,
    plan: Plan,
    *,
    hashes: Set[str] = frozenset(),
    finish: Callable[[Path, Path], object] | None = None,
) -> Built:
    """
    Builds the site of the workspace at `root` from its mkdocs.yml, strictly.

    hashes: of the pages that a part leaves as they are. finish: called with the folder of what was built and the site
    that stands, before anything of it is shown; an error there leaves the old site.

    The old site stays whole until the new one is; of a part each page is replaced whole, those that others lead to
    first. Raises PublishFailed with MkDocs' own words, the old site untouched.
    """
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")  # the theme's end-of-life notice; `check` tells it
    if plan.as_of is not None:
        os.environ["SOURCE_DATE_EPOCH"] = str(int(plan.as_of.timestamp()))
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import MkDocsException

    from .hooks import Hooks

    staging, site, part = root / STAGING, site_of(root), plan.only is not None
    with listening() as said, tempfile.TemporaryDirectory(prefix="deploybook-") as nothing:
        try:
            shutil.rmtree(staging, ignore_errors=True)
            given: dict[str, Any] = {"docs_dir": nothing} if part else {}
            config = load_config(str(root / "mkdocs.yml"), strict=True, site_dir=str(staging), **given)
            again = is_plain(config)
            hooks = config.plugins["deploybook"] = Hooks(plan, root / "reports", site)
            prepare(config.theme, part)
            config.plugins.on_startup(command="build", dirty=False)
            try:
                build(config)
            finally:
                config.plugins.on_shutdown()
            all_hashes = frozenset(hooks.hashes | hashes)
            write_headers(staging, all_hashes)
            if finish:
                finish(staging, site)
        except (MkDocsException, SystemExit, OSError) as error:
            shutil.rmtree(staging, ignore_errors=True)
            words = "\n  ".join(said) or str(error)
            raise PublishFailed(f"mkdocs.yml: the site could not be built, the old one stays:\n  {words}") from error
        except DeploybookError:
            shutil.rmtree(staging, ignore_errors=True)
            raise
    move_in(staging, site) if part else swap(staging, site)
    return Built(site=site, hashes=all_hashes, again=again)


def prepare(theme: Any, part: bool) -> None:
    """Its templates, compiled once for all builds; for a part without the theme's own files, which stand already."""
    from jinja2 import FileSystemBytecodeCache

    env = theme.get_env()
    with suppress(OSError, RuntimeError):  # no home, or no place there: then each build compiles them
        compiled = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "deploybook" / "templates"
        compiled.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.access(compiled, os.W_OK):
            env.bytecode_cache = FileSystemBytecodeCache(str(compiled))
    if part:
        env.list_templates = lambda **_: []
    theme.get_env = lambda: env


def is_plain(config: Any) -> bool:
    """Whether a page depends on nothing but its own source and the configuration, as far as we can know."""
    known = {"search", "material/search", "deploybook"}
    return not (config.hooks or config.theme.custom_dir or config.use_directory_urls or set(config.plugins) - known)


def move_in(staging: Path, site: Path) -> None:
    """Puts each new or changed file in its place, by a rename: what others lead to first, the home page near the end."""
    files = [path.relative_to(staging) for path in staging.rglob("*") if path.is_file()]
    for path in sorted(
        files, key=lambda path: (path.name == "SHA256SUMS", path == Path("index.html"), -len(path.parts), path)
    ):
        new, old = staging / path, site / path
        if old.is_file() and filecmp.cmp(new, old, shallow=False):
            continue
        old.parent.mkdir(parents=True, exist_ok=True)
        new.replace(old)
    shutil.rmtree(staging)


@contextmanager
def listening() -> Iterator[list[str]]:
    """MkDocs' warnings and errors as they are said, off the terminal."""
    said: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger = logging.getLogger("mkdocs")
    ear, kept = Ear(logging.WARNING), (logger.propagate, logger.level)
    logger.addHandler(ear)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.removeHandler(ear)
        logger.propagate, logger.level = kept


def swap(new: Path, old: Path) -> None:
    """Puts the folder `new` where `old` is and removes what was there; in one step where the system can exchange names."""
    if old.is_symlink() or (old.exists() and not old.is_dir()):
        raise PublishFailed(f"{old}: is not a folder of its own; move it away, then publish again")
    old.parent.mkdir(parents=True, exist_ok=True)
    if not old.exists():
        new.rename(old)
        return
    if not exchange(new, old):
        aside = old.with_name(f".{old.name}-old")
        shutil.rmtree(aside, ignore_errors=True)
        old.rename(aside)
        new.rename(old)
        aside.rename(new)
    shutil.rmtree(new)


def exchange(one: Path, other: Path) -> bool:
    """Swaps two names atomically (Linux); False where the system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return bool(rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0)
