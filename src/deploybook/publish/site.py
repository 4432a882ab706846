"""Building site/ with MkDocs, beside the old one, then putting it in the old one's place in one step."""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from ..errors import DeploybookError, PublishFailed
from .policy import write_headers

STAGING = ".site-staging"
AT_FDCWD, RENAME_EXCHANGE = -100, 2


def build_site(
    root: Path,
    *,
    as_of: datetime | None = None,
    finish: Callable[[Path, Path], object] | None = None,
    unsearched: Set[str] = frozenset(),
    printed: Set[str] = frozenset(),
) -> tuple[Path, str]:
    """
    Builds the site of the workspace at `root` from its mkdocs.yml, strictly. Gives its folder and its security policy.

    as_of: the time that the site map names, so that the same pages give the same bytes. finish: called with the new
    folder and the old one before it takes its place; an error there leaves the old one. unsearched, printed: see Hooks.

    The old site stays whole until the new one is; no reader sees half of each. Raises PublishFailed with MkDocs' own
    words, the old site untouched.
    """
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")  # the theme's end-of-life notice; `check` tells it
    if as_of is not None:
        os.environ["SOURCE_DATE_EPOCH"] = str(int(as_of.timestamp()))
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import MkDocsException

    from .hooks import Hooks

    staging = root / STAGING
    with listening() as said:
        try:
            site = Path(load_config(str(root / "mkdocs.yml")).site_dir)
            shutil.rmtree(staging, ignore_errors=True)
            config = load_config(str(root / "mkdocs.yml"), strict=True, site_dir=str(staging))
            hooks = config.plugins["deploybook"] = Hooks(unsearched, printed)
            config.plugins.on_startup(command="build", dirty=False)
            try:
                build(config)
            finally:
                config.plugins.on_shutdown()
            told = write_headers(staging, hooks.hashes)
            if finish:
                finish(staging, site)
        except (MkDocsException, SystemExit, OSError) as error:
            shutil.rmtree(staging, ignore_errors=True)
            words = "\n  ".join(said) or str(error)
            raise PublishFailed(f"mkdocs.yml: the site could not be built, the old one stays:\n  {words}") from error
        except DeploybookError:
            shutil.rmtree(staging, ignore_errors=True)
            raise
    swap(staging, site)
    return site, told


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
