"""The files of the page: these and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import devflow_analytics_dashboard
from devflow_analytics_dashboard.static_files import static_routes

STATIC = Path(devflow_analytics_dashboard.__file__).parent / "static"

FILES = sorted(file.relative_to(STATIC).as_posix() for file in STATIC.rglob("*") if file.is_file())

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@pytest.fixture
def client(shared_client: Any) -> Any:
    """A client of a server that is shared: nothing is changed here."""
    return shared_client


def path_of(name: str) -> str:
    return "/" if name == "index.html" else f"/{name}"


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_page_is_served_without_the_key(name: str, client: Any) -> None:
    reply = client.get(path_of(name), key=None)
    assert (reply.status, reply.body) == (200, (STATIC / name).read_bytes())
    assert reply.headers["content-type"] == TYPES[Path(name).suffix]
    again = client.get(path_of(name), key=None, If_None_Match=reply.headers["etag"])
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_page_says_nothing_of_the_database(
    name: str, client: Any, home: Path
) -> None:
    body = client.get(path_of(name), key=None).body
    assert client.key.encode() not in body
    assert str(home).encode() not in body
    assert b"analytics.db" not in body.replace(b"~/.devflow/analytics.db", b"")


@pytest.mark.parametrize(
    "path",
    [
        "/index.html",
        "/nothing.js",
        "/..",
        "/../app.py",
        "/%2e%2e/app.py",
        "/%2e%2e%2fapp.py",
        "/..%5capp.py",
        "/..\\app.py",
        "//",
        "//index.html",
        "//etc/passwd",
        "/./index.html",
        "/%00",
        "/index.html%00.js",
        "/%ff",
        "/static/index.html",
        "/app.py",
        "/__init__.py",
        "/index.html/",
        "/~root",
        "/.devflow/analytics.db",
        "/apisummary",
        "http://127.0.0.1/",
    ],
)
def test_no_other_path_is_served(path: str, client: Any) -> None:
    assert client.get(path, key=None).error == (
        404,
        "not_found",
        "There is nothing at this path. The page is at /.",
    )


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nothing", "/api/summary/", "/api//summary"]
)
def test_no_other_route_is_answered(path: str, client: Any) -> None:
    assert client.get(path).error == (
        404,
        "not_found",
        "There is nothing at this path. /api/openapi.json lists what there is.",
    )


def test_only_files_of_known_types_are_served(tmp_path: Path) -> None:
    names = ("index.html", "app.js", "more/part.js", "notes.md", ".hidden", "app.py", "a.html.bak")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert [route.path for route in static_routes(tmp_path)] == ["/app.js", "/", "/more/part.js"]


def test_a_server_reads_no_file_of_the_page_while_it_answers(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "read_bytes", None)
    monkeypatch.setattr(Path, "open", None)
    assert client.get("/", key=None).status == 200
