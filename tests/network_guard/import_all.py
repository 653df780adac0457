"""Import every module of some packages, and whatever library they import anywhere, at once or later."""

import ast
import importlib
import pkgutil
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path


def modules(package):
    """Names of its modules that are written in Python; a program's `__main__` would run."""
    yield package
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        origin = find_spec(found.name).origin
        if origin.endswith(".py") and not found.name.endswith(".__main__"):
            yield found.name


def imported(package):
    """Names of modules that the text of a package imports, inside functions too."""
    for path in Path(importlib.import_module(package).__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    packages = sys.argv[1:]
    wanted = {name for package in packages for name in (*modules(package), *imported(package))}
    for name in sorted(wanted):
        importlib.import_module(name)
    sys.stdout.write("\n".join(sorted(wanted)))
