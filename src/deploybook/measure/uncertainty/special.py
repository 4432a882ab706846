"""
Three of SciPy's special functions, without the rest of `scipy.special`.

The functions are compiled and load in 0.03 s of CPU; the package around them imports NumPy to its last submodule, 0.2 s in
each process that judges. They are the same objects, and a later `import scipy.special` finds them loaded.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

__all__ = ["chdtri", "gammaincinv", "stdtrit"]


def load() -> Any:
    """The compiled module; the whole package where it is loaded already, or where SciPy is built another way."""
    name, scipy = "scipy.special", find_spec("scipy")
    if name in sys.modules or scipy is None or scipy.submodule_search_locations is None:
        return importlib.import_module(name)
    bare = ModuleType(name)
    bare.__path__ = [f"{place}/special" for place in scipy.submodule_search_locations]
    sys.modules[name] = bare
    try:
        return importlib.import_module(f"{name}._ufuncs")
    except ImportError:
        pass
    finally:
        del sys.modules[name]
    return importlib.import_module(name)


functions = load()
chdtri, gammaincinv, stdtrit = functions.chdtri, functions.gammaincinv, functions.stdtrit
