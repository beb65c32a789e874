"""Write what the pages say of the code: help texts, sessions, tables, the module map.

Run by ``just docs``. In a page, such a part stands between two comments::

    <!-- Written by 'just docs': NAME -->
    <!-- Until here. -->

With ``--check`` nothing is written: what differs is printed, and the exit status is 1. The errors
that the command prints are left out then, as ``tests/test_ugly_cases.py`` compares them one by one.
"""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import docs_answers
import docs_code
import docs_command
import docs_schema

import devflow_analytics_capture
import devflow_analytics_dashboard
import devflow_analytics_db
import devflow_analytics_recorder
import devflow_analytics_reports

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
SCHEMA_SQL = ROOT / "packages/devflow-analytics-db/schema.sql"
OPENAPI_JSON = ROOT / "docs/openapi.json"
PART = re.compile(
    r"(<!-- Written by 'just docs': (.+?) -->\n)(.*?)(<!-- Until here\. -->)", re.DOTALL
)


def what_goes_wrong(present: str) -> str:
    """Return the table of ``tests/test_ugly_cases.py``; only root can set up some of its cases."""
    if os.getuid() != 0:
        sys.stderr.write("The table of errors stays as it is: only root can make it.\n")
        return present
    done = subprocess.run(  # noqa: S603  runs only what it names itself
        [sys.executable, ROOT / "tests/test_ugly_cases.py"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.write("The table of errors stays as it is: a case could not be run.\n")
        return present
    return done.stdout


def decisions(_: str) -> str:
    """Return a list of the decisions."""
    pages = sorted(ROOT.glob("docs/decisions/[0-9]*.md"))
    titles = {page.name: page.read_text().partition("\n")[0].removeprefix("# ") for page in pages}
    return "\n".join(f"- [{title}]({name})" for name, title in titles.items())


PARTS: dict[str, Callable[[str], str]] = {
    "what goes wrong": what_goes_wrong,
    "help": docs_command.help_text,
    "commands": docs_command.commands,
    "a first session": docs_command.first_session,
    "a later session": docs_command.later_session,
    "an import": docs_command.an_import,
    "a way down": docs_command.way_down,
    "a page": docs_command.a_page,
    "hooks": docs_command.hooks,
    "enabling": docs_command.enabling,
    "servers that are enabled": docs_command.enabled,
    "settings": docs_code.settings,
    "errors of the db package": partial(docs_code.errors, [devflow_analytics_db]),
    "errors": partial(
        docs_code.errors,
        [
            devflow_analytics_db,
            devflow_analytics_capture,
            devflow_analytics_reports,
            devflow_analytics_dashboard,
        ],
    ),
    "functions": docs_code.functions,
    "results": docs_code.results,
    "handle": docs_code.handle,
    "modules of the db package": partial(docs_code.modules, devflow_analytics_db),
    "modules of the capture package": partial(docs_code.modules, devflow_analytics_capture),
    "modules of the recorder package": partial(docs_code.modules, devflow_analytics_recorder),
    "modules of the reports package": partial(docs_code.modules, devflow_analytics_reports),
    "modules of the dashboard package": partial(docs_code.modules, devflow_analytics_dashboard),
    "decisions": decisions,
    "columns of sessions": partial(docs_schema.columns, "sessions"),
    "columns of tool_calls": partial(docs_schema.columns, "tool_calls"),
    "columns of import_cursors": partial(docs_schema.columns, "import_cursors"),
    "columns of import_floor": partial(docs_schema.columns, "import_floor"),
    "columns of import_exclusions": partial(docs_schema.columns, "import_exclusions"),
    "indexes": docs_schema.indexes,
}
"""What makes each part, given what the page has now."""

ANSWER = "answer to "
"""How the names of those parts begin that are what a command prints on made-up calls."""

CHECKED_ELSEWHERE = {"what goes wrong"}


def made_anew(page: str, *, all_of_it: bool) -> str:
    """Return a page with its parts made anew."""

    def write(part: re.Match[str]) -> str:
        begin, name, present, end = part.groups()
        if name.startswith(ANSWER):
            return f"{begin}\n{docs_answers.answer(name.removeprefix(ANSWER))}\n{end}"
        if name not in PARTS:
            sys.exit(f"No function makes {name!r}. There are {', '.join(map(repr, PARTS))}.")
        if name in CHECKED_ELSEWHERE and not all_of_it:
            return part[0]
        return f"{begin}\n{PARTS[name](present.strip()).strip()}\n\n{end}"

    return PART.sub(write, page)


def of_any_machine(page: str) -> list[str]:
    """Return the lines without what ``doctor`` says of this SQLite, file system and disk."""
    machine = "(sqlite|file system|free space)"
    page = re.sub(rf'\{{[^{{}}]*"{machine}"[^{{}}]*\}}', "{}", page)
    lines, skipping = [], False
    for line in page.splitlines(keepends=True):
        begins = re.match(rf"(OK|WARN|FAIL) +{machine} ", line)
        skipping = bool(begins) or (skipping and line.startswith("    "))  # its advice
        if not skipping:
            lines.append(line)
    return lines


def pages() -> dict[Path, Callable[[str], str]]:
    """Return every file that is written, or that has written parts, and what makes it anew."""
    whole: dict[Path, Callable[[str], str]] = {
        SCHEMA_SQL: lambda _: docs_schema.schema_sql(),
        OPENAPI_JSON: docs_code.openapi,
    }
    folders = (ROOT.glob("*.md"), ROOT.glob("docs/**/*.md"), ROOT.glob("packages/*/*.md"))
    all_of_it = "--check" not in sys.argv
    some = {
        page: partial(made_anew, all_of_it=all_of_it)
        for pages in folders
        for page in sorted(pages)
        if PART.search(page.read_text())
    }
    return {**whole, **some}


def main() -> None:
    """Write the pages, or compare them."""
    differs = False
    for path, make in pages().items():
        present = path.read_text()
        made = make(present)
        before, after = of_any_machine(present), of_any_machine(made)
        if before == after:
            continue
        differs = True
        if "--check" not in sys.argv:
            path.write_text(made)
        name = str(path.relative_to(ROOT))
        sys.stdout.writelines(difflib.unified_diff(before, after, name, f"{name}, made anew"))
    if differs and "--check" in sys.argv:
        sys.exit("'just docs' makes these current.")


if __name__ == "__main__":
    os.umask(0o022)
    main()
