"""What the documentation says of the packages: functions, errors, settings, modules.

It is what their docstrings say.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import devflow_analytics_dashboard
import devflow_analytics_db
from devflow_analytics_db import AnalyticsDb, AnalyticsDbError, Connection
from devflow_analytics_db.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType


def sentence(documented: object) -> str:
    """Return the first line of a docstring, as Markdown."""
    text = inspect.getdoc(documented) or ""
    return text.partition("\n")[0].replace("``", "`").replace("|", "\\|")


def call(name: str, function: object) -> tuple[str, str]:
    """Return how a function is called, without the types, and what it returns."""
    if not callable(function):
        return f"`{name}`", ""
    signature = inspect.signature(inspect.unwrap(function))
    untyped = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
        if parameter.name != "self"
    ]
    returned = str(signature.return_annotation).strip("'").replace("|", "\\|")
    shown = signature.replace(parameters=untyped, return_annotation=inspect.Signature.empty)
    if inspect.isgeneratorfunction(function):
        return f"`{name}{shown}`", f"an iterator of `{returned[9:-1]}`"
    if returned == "Iterator[None]":
        return f"`{name}{shown}`", "a context manager"
    if returned.startswith("Iterator["):
        return f"`{name}{shown}`", f"a context manager that gives a `{returned[9:-1]}`"
    return f"`{name}{shown}`", "" if returned == "None" else f"`{returned}`"


def functions(_: str) -> str:
    """Return a table of the functions that the db package exports."""
    lines = ["| function | what it does | returns |", "| --- | --- | --- |"]
    for name in devflow_analytics_db.__all__:
        function = getattr(devflow_analytics_db, name)
        if inspect.isfunction(function):
            called, returned = call(name, function)
            lines.append(f"| {called} | {sentence(function)} | {returned} |")
    return "\n".join(lines)


def results(_: str) -> str:
    """Return a table of what the functions return, with the attributes of each."""
    lines = ["| class | what it is | attributes |", "| --- | --- | --- |"]
    for name in devflow_analytics_db.__all__:
        one = getattr(devflow_analytics_db, name)
        if inspect.isclass(one) and not issubclass(one, (AnalyticsDb, Connection, Exception)):
            fields = getattr(one, "__match_args__", getattr(one, "__slots__", ()))
            members = inspect.getmembers_static(one)
            computed = [name for name, member in members if isinstance(member, property)]
            names = [name for name in (*fields, *computed) if not name.startswith("_")]
            shown = ", ".join(f"`{name}`" for name in names)
            lines.append(f"| `{name}` | {sentence(one)} | {shown} |")
    return "\n".join(lines)


def handle(_: str) -> str:
    """Return a table of what an `AnalyticsDb` has."""
    said = {
        name: (call(f"db.{name}", member)[0], sentence(member))
        for name, member in inspect.getmembers_static(AnalyticsDb)
        if not name.startswith("_") and inspect.getdoc(member)
    }
    said |= {name: (f"`db.{name}`", text) for name, text in attributes(AnalyticsDb).items()}
    lines = ["| attribute | what it is |", "| --- | --- |"]
    return "\n".join(
        [*lines, *(f"| {shown} | {text} |" for _, (shown, text) in sorted(said.items()))]
    )


def attributes(owner: type) -> dict[str, str]:
    """Return the public attributes that methods set, with what the string below each says."""
    found = {}
    for function in ast.walk(ast.parse(inspect.getsource(owner))):
        if not isinstance(function, ast.FunctionDef):
            continue
        for statement, below in pairwise(function.body):
            name = re.match(r"self\.([a-z]\w*)\b", ast.unparse(statement))
            if name and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                found[name[1]] = str(below.value.value).partition("\n")[0].replace("``", "`")
    return found


def errors(packages: Iterable[ModuleType], _: str) -> str:
    """Return a table of the errors of packages, and of the exit status that each has."""
    exported = [getattr(package, name) for package in packages for name in package.__all__]
    classes = [
        one for one in exported if inspect.isclass(one) and issubclass(one, AnalyticsDbError)
    ]
    classes.sort(key=lambda one: (one.exit_status, one is AnalyticsDbError, one.__name__))
    lines = ["| exit status | error | meaning |", "| --- | --- | --- |"]
    lines += [f"| {one.exit_status} | `{one.__name__}` | {sentence(one)} |" for one in classes]
    return "\n".join(lines)


def settings(_: str) -> str:
    """Return a table of the environment variables."""
    rows = [(one.name, one.meaning, one.default) for one in SETTINGS]
    others = [
        (
            "NO_COLOR",
            "turns colours off if set and not empty ([no-color.org](https://no-color.org))",
            "colours at a terminal",
        ),
        ("HOME", "where `~` is", "the home in the system's user database"),
    ]
    rows += [row for row in others if row[0] not in {name for name, *_ in rows}]
    lines = ["| environment variable | meaning | default |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | {meaning} | {default} |" for name, meaning, default in rows]
    return "\n".join(lines)


def openapi(_: str) -> str:
    """Return the description of the dashboard's API."""
    return f"{json.dumps(devflow_analytics_dashboard.openapi(), indent=2, ensure_ascii=False)}\n"


def modules(of: ModuleType, _: str) -> str:
    """Return a table of the modules of a package, each with what it says of itself."""
    package = Path(str(of.__file__)).parent
    lines = ["| module | what it holds |", "| --- | --- |"]
    top = sorted(package.glob("*.py"))
    folders = [sorted(init.parent.glob("*.py")) for init in sorted(package.glob("*/__init__.py"))]
    for path in (path for files in (top, *folders) for path in files):
        name = path.relative_to(package).with_suffix("").as_posix()
        if name == "__init__":
            continue
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        name = f"**`{name.removesuffix('__init__')}`**" if name.endswith("_") else f"`{name}`"
        lines.append(f"| {name} | {docstring.partition(chr(10))[0].replace('``', '`')} |")
    return "\n".join(lines)
