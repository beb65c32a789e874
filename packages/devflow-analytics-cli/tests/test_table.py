"""How tables look, whatever is in them and whatever they are printed on."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from typing import TYPE_CHECKING

import click
import pytest

from devflow_analytics_cli.layout import Column
from devflow_analytics_cli.table import Options, bar, csv_rows, heading, print_table, room
from devflow_analytics_cli.words import sparkline

if TYPE_CHECKING:
    from collections.abc import Callable

TOOLS = [
    *("read_file", "search_code", "list_directory", "run_tests", "docker_build"),
    *("mcp__github__create_pull_request",),
]
CALLS = ["19,001", "11,531", "9,567", "4,224", "7", "0"]
TRENDS: list[list[float | None]] = [
    [4, 8, 2, 4],
    [6, 8, 2, 5],
    [5, 8, None, 5],
    [6, 8, 1, 4],
    [0, 0, 0, 1],
    [],
]
FAILING = ["1.4 %", "1.6 %", "1.6 %", "26 %", "100 %", "\N{EN DASH}"]
P95 = ["10 ms", "363 ms", "5.8 ms", "69.9 s", "2 min 28 s", "\N{EN DASH}"]
WAS = ["\N{MINUS SIGN}2 %", "+67 %", "+0 %", "same", "new", ""]
LAST = ["now", "1 min ago", "2 min ago", "70 min ago", "25 d ago", "\N{EN DASH}"]


def columns() -> list[Column]:
    return [
        Column("Tool", TOOLS, is_name=True),
        Column("Calls", CALLS, "right"),
        Column(
            "Trend",
            [sparkline(trend, 4) for trend in TRENDS],
            priority=4,
            is_drawing=True,
            style="cyan",
        ),
        Column(
            "Failing",
            FAILING,
            "right",
            priority=1,
            style=["red" if cell == "26 %" else "" for cell in FAILING],
        ),
        Column("p95", P95, "right", priority=2),
        Column("p95 was", WAS, "right", priority=5),
        Column("Last", LAST, "right", priority=3),
    ]


PIPED = """\
Tool                               Calls  Failing         p95  p95 was        Last
read_file                         19,001    1.4 %       10 ms     {minus}2 %         now
search_code                       11,531    1.6 %      363 ms    +67 %   1 min ago
list_directory                     9,567    1.6 %      5.8 ms     +0 %   2 min ago
run_tests                          4,224     26 %      69.9 s     same  70 min ago
docker_build                           7    100 %  2 min 28 s      new    25 d ago
mcp__github__create_pull_request       0        {dash}           {dash}                    {dash}
"""

AT_120 = """\
Tool                               Calls  Trend  Failing         p95  p95 was        Last
read_file                         19,001  ▄▇▂▄     1.4 %       10 ms     {minus}2 %         now
search_code                       11,531  ▆▇▂▅     1.6 %      363 ms    +67 %   1 min ago
list_directory                     9,567  ▅▇ ▅     1.6 %      5.8 ms     +0 %   2 min ago
run_tests                          4,224  ▆▇▁▄      26 %      69.9 s     same  70 min ago
docker_build                           7     ▇     100 %  2 min 28 s      new    25 d ago
mcp__github__create_pull_request       0               {dash}           {dash}{space}{dash}
"""

AT_80 = """\
Tool                               Calls  Trend  Failing         p95        Last
read_file                         19,001  ▄▇▂▄     1.4 %       10 ms         now
search_code                       11,531  ▆▇▂▅     1.6 %      363 ms   1 min ago
list_directory                     9,567  ▅▇ ▅     1.6 %      5.8 ms   2 min ago
run_tests                          4,224  ▆▇▁▄      26 %      69.9 s  70 min ago
docker_build                           7     ▇     100 %  2 min 28 s    25 d ago
mcp__github__create_pull_request       0               {dash}           {dash}           {dash}
"""

AT_60 = """\
Tool                              Calls  Failing         p95
read_file                        19,001    1.4 %       10 ms
search_code                      11,531    1.6 %      363 ms
list_directory                    9,567    1.6 %      5.8 ms
run_tests                         4,224     26 %      69.9 s
docker_build                          7    100 %  2 min 28 s
mcp__github__create_pull_reque…       0        {dash}           {dash}
"""

AT_40 = """\
Tool                      Calls  Failing
read_file                19,001    1.4 %
search_code              11,531    1.6 %
list_directory            9,567    1.6 %
run_tests                 4,224     26 %
docker_build                  7    100 %
mcp__github__create_pu…       0        {dash}
"""

AT_20 = """\
Tool           Calls
read_file     19,001
search_code   11,531
list_direct…   9,567
run_tests      4,224
docker_build       7
mcp__github…       0
"""

SHOWN = {
    width: text.format(minus="\N{MINUS SIGN}", dash="\N{EN DASH}", space=" " * 20)
    for width, text in [
        *((None, PIPED), (120, AT_120), (80, AT_80), (60, AT_60), (40, AT_40), (20, AT_20))
    ]
}


class Terminal:
    """A terminal of some width in the place of stdout."""

    def __init__(self, width: int, patch: pytest.MonkeyPatch) -> None:
        self.ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        self.stream = io.TextIOWrapper(io.FileIO(its, "w"), encoding="utf-8", write_through=True)
        for name in ("stdout", "__stdout__"):
            patch.setattr(sys, name, self.stream)
        patch.delenv("COLUMNS", raising=False)
        patch.setenv("TERM", "xterm")

    def shown(self) -> str:
        self.stream.close()
        pieces = []
        with suppress(OSError):  # how Linux says that the other end is closed
            while piece := os.read(self.ours, 4096):
                pieces.append(piece)
        os.close(self.ours)
        return b"".join(pieces).decode().replace("\r\n", "\n")


def test_piped_it_has_its_natural_width_and_no_drawings(written: Callable[..., str]) -> None:
    assert written(lambda: print_table(columns(), options=Options.of_stdout())) == SHOWN[None]


@pytest.mark.parametrize("width", [120, 80, 60, 40, 20])
def test_columns_leave_and_names_are_cut_as_it_gets_narrow(
    width: int, written: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert written(lambda: print_table(columns(), options=Options.of_stdout(width))) == SHOWN[width]
    terminal = Terminal(width, monkeypatch)
    print_table(columns(), options=Options.of_stdout())
    assert click.unstyle(terminal.shown()) == SHOWN[width]


def test_columns_says_the_width_of_a_terminal_and_an_option_overrides_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal(120, monkeypatch)
    monkeypatch.setenv("COLUMNS", "60")
    print_table(columns(), options=Options.of_stdout())
    print_table(columns(), options=Options.of_stdout(40))
    assert click.unstyle(terminal.shown()) == SHOWN[60] + SHOWN[40]


def test_columns_changes_nothing_where_there_is_no_terminal(
    written: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert written(lambda: print_table(columns(), options=Options.of_stdout())) == SHOWN[None]


COLOURED = """\
\x1b[2mCalls\x1b[0m  \x1b[2mFailing\x1b[0m  \x1b[2mTrend\x1b[0m
    7     \x1b[31m26 %\x1b[0m  \x1b[36m▁▇\x1b[0m
    8    1.4 %  \x1b[36m▇\x1b[0m
"""


def test_a_terminal_gets_colours_unless_it_does_not_want_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def shown(color: bool | None = None, term: str = "xterm") -> str:  # noqa: FBT001  as click's
        terminal = Terminal(80, monkeypatch)
        monkeypatch.setenv("TERM", term)
        with click.Context(click.Command("tools"), color=color):
            options = Options.of_stdout()
            parts = [
                Column("Calls", ["7", "8"], "right"),
                Column("Failing", ["26 %", "1.4 %"], "right", style=["red", ""]),
                Column("Trend", ["▁▇", "▇"], style="cyan", is_drawing=True),
            ]
            print_table(parts, options=options)
        return terminal.shown()

    assert shown() == COLOURED
    assert shown(color=False) == shown(term="dumb") == click.unstyle(COLOURED)


COMMAND = """if True:
    import sys
    from devflow_analytics_cli.app import cli
    from devflow_analytics_cli.main import main
    from devflow_analytics_cli.table import Column, Options, print_table

    @cli.command()
    def path():
        column = Column("Tool", ["x" * 1000] * 200)
        print_table([column, Column("Calls", ["7"] * 200)], options=Options.of_stdout())

    sys.argv = ["devflow-analytics", "path"]
    main()
"""


def test_a_reader_that_leaves_early_ends_it_without_a_word() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" -c "$1" | head -n 1', sys.executable, COMMAND],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (f"Tool{' ' * 998}Calls\n", "")


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "Tool           was\n\\u4e2d\\u...  - + |\nread_file        -\n"),
        ("latin-1", "Tool           was\n\\u4e2d\\u...  - + \xb7\nread_file        -\n"),
    ],
)
def test_an_encoding_without_our_signs_gets_others(
    encoding: str, shown: str, written: Callable[..., str]
) -> None:
    def show() -> None:
        was = ["\N{MINUS SIGN} ▲ \N{MIDDLE DOT}", "\N{EN DASH}"]
        options = Options.of_stdout(18)
        parts = [Column("Tool", ["中中中", "read_file"], is_name=True), Column("was", was, "right")]
        assert room(parts, options=options) == 0
        print_table([*parts, Column("Trend", ["▁▇", "▇"], is_drawing=True)], options=options)

    assert written(show, encoding) == shown


LONG = "Stats  last 7 days, 18 Nov 15:00 \N{EN DASH} now \N{MIDDLE DOT} beside the 7 days before"


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (None, [LONG]),
        (120, [LONG]),
        (66, [LONG]),
        (60, [LONG.removesuffix(" before"), "       before"]),
        (40, [LONG[:40], "       beside the 7 days before"]),
    ],
)
def test_a_heading_goes_on_below_where_it_began(
    width: int | None, lines: list[str], written: Callable[..., str]
) -> None:
    title, rest = LONG.split("  ")
    shown = written(lambda: heading(title, rest, options=Options.of_stdout(width)))
    assert shown.splitlines() == lines


def test_the_title_of_a_heading_is_bold(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(80, monkeypatch)
    heading("Tools", "last 7 days", options=Options.of_stdout())
    assert terminal.shown() == "\x1b[1mTools\x1b[0m  last 7 days\n"


def test_bars_take_the_room_that_is_left(written: Callable[..., str]) -> None:
    def show() -> None:
        options = Options.of_stdout(30)
        calls = [29_108, 13_211, 4, 0]
        days = ["Wed 18 Nov", "Fri 20 Nov", "Sat 21 Nov", "Sun 22 Nov"]
        parts = [Column("Day", days), Column("Calls", [f"{n:,}" for n in calls], "right")]
        wide = room(parts, options=options)
        bars = Column("", [bar(n, max(calls), wide) for n in calls], is_drawing=True)
        print_table([*parts, bars], options=options)

    assert written(show).splitlines() == [
        "Day          Calls",
        "Wed 18 Nov  29,108  ▇▇▇▇▇▇▇▇▇▇",
        "Fri 20 Nov  13,211  ▇▇▇▇▇",
        "Sat 21 Nov       4  ▇",
        "Sun 22 Nov       0",
    ]


def test_without_titles_there_is_no_line_for_them(written: Callable[..., str]) -> None:
    def show() -> None:
        print_table(
            [Column("", ["Calls", "Errors"]), Column("", ["101,109", "4.6 %"], "right")],
            options=Options.of_stdout(),
        )

    assert written(show) == "Calls   101,109\nErrors    4.6 %\n"


def test_a_table_goes_on_below_itself(written: Callable[..., str]) -> None:
    def show() -> None:
        options = Options.of_stdout()
        widths = print_table(
            [Column("Tool", ["query_database"]), Column("Took", ["38 ms"], "right")],
            options=options,
        )
        more = [
            Column("Tool", ["git_log"], least=widths["Tool"]),
            Column("Took", ["7 ms"], "right", least=widths["Took"]),
        ]
        print_table(more, options=options, header=False)

    assert written(show).splitlines() == [
        "Tool             Took",
        "query_database  38 ms",
        "git_log          7 ms",
    ]


def test_a_table_without_rows_is_its_titles(written: Callable[..., str]) -> None:
    parts = [Column("Tool", [], is_name=True), Column("Calls", [], "right")]
    assert written(lambda: print_table(parts, options=Options.of_stdout(5))) == "Tool  Calls\n"


def test_the_longest_name_is_cut_first_and_no_figure(written: Callable[..., str]) -> None:
    def show(width: int) -> None:
        parts = [
            Column("Calls", ["697", "1"]),
            Column("Tool", ["mcp__github__get_issue", "lint"], is_name=True),
            Column("Type", ["CollectionErr", "OSError"], is_name=True),
            Column("Last", ["70 min ago", "now"], "right"),
        ]
        print_table(parts, options=Options.of_stdout(width))

    assert [
        written(lambda width=width: show(width)).splitlines()[1] for width in (60, 46, 38, 9)
    ] == [
        "697    mcp__github__get_issue  CollectionErr  70 min ago",
        "697    mcp__github…  CollectionE…  70 min ago",
        "697    mcp__gi…  Collect…  70 min ago",
        "697    mcp__gi…  Collect…  70 min ago",
    ]


def test_a_name_of_200_letters_does_not_drive_the_figures_out(written: Callable[..., str]) -> None:
    def show() -> None:
        names = ["x" * 200, "read_file"]
        parts = [Column("Tool", names, is_name=True), Column("p95", ["7 ms", "-"], priority=1)]
        print_table(parts, options=Options.of_stdout(20))

    assert written(show).splitlines()[1] == f"{'x' * 13}…  7 ms"


def test_the_title_of_names_is_cut_as_they_are(written: Callable[..., str]) -> None:
    def show() -> None:
        column = Column("Tool or server", ["read_file"], is_name=True)
        print_table([column], options=Options.of_stdout(9))

    assert written(show) == "Tool or …\nread_file\n"
    assert written(show, "ascii") == "Tool o...\nread_file\n"


def test_csv_is_raw(written: Callable[..., str]) -> None:
    shown = written(lambda: csv_rows(["tool", "ms"], [['a,b"c', 1.5], ["=1\n", None], ["中", 0]]))
    assert shown == 'tool,ms\n"a,b""c",1.5\n"=1\n",\n中,0\n'


def test_a_carriage_return_in_csv_ends_no_row(written: Callable[..., str]) -> None:
    shown = written(lambda: csv_rows(["tool"], [["a\rb"]]))
    assert shown == 'tool\n"a\rb"\n'


def test_csv_goes_on_without_a_header(written: Callable[..., str]) -> None:
    assert written(lambda: csv_rows(None, [["read_file", 1]])) == "read_file,1\n"


def test_a_line_above_a_row_moves_no_column(written: Callable[..., str]) -> None:
    def show() -> None:
        columns = [Column("Tool", ["a", "bbbbbb"]), Column("Took", ["1 ms", "2 ms"])]
        above = {1: "Thu 19 Nov \x1b"}
        print_table(columns, options=Options.of_stdout(), above=above)

    assert written(show) == ("Tool    Took\na       1 ms\nThu 19 Nov \\x1b\nbbbbbb  2 ms\n")


def test_rich_waits_until_there_is_a_table_to_print() -> None:
    code = """if True:
        import sys
        from devflow_analytics_cli import table, words
        table.csv_rows(["tool"], [["read_file"]])
        table.Options.of_stdout()
        print(*sorted(name for name in sys.modules if name.startswith("rich")))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "tool\nread_file\n\n"
