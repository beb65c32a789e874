"""Writes logs as Claude Code does: sessions, their subagents, and copies that branch off.

A few calls a session are parallel, some of those with results out of order; some have no result, an
impossible time, or a result that says that they did not run. Between them stands what is no call.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING
from uuid import UUID

from devflow_analytics_capture.testing import claude_lines as lines
from devflow_analytics_capture.testing.claude_lines import Begun, Call, File
from devflow_analytics_capture.testing.truth import SECRET, Truth

if TYPE_CHECKING:
    from pathlib import Path

    from devflow_analytics_capture.testing.claude_lines import Ending, Record, Version

START_MS = 1_750_000_000_000
"""When the first session began."""

SESSION_MS = 1_200_000
"""A session begins so long after the one before; both may go on at the same time."""

LONGEST_SESSION = 60
"""How many calls the main agent of one makes at most."""

PROJECTS = ("site", "tools", "infra")

AGENTS = ("Explore", "general-purpose", "code-reviewer")


def write_logs(
    home: Path,
    *,
    calls: int,
    seed: int = 0,
    bytes_per_result: int = 200,
    versions: tuple[Version, ...] = lines.VERSIONS,
) -> Truth:
    """Write logs below a home directory, and return what is in them.

    Args:
        home: the directory.
        calls: how many calls at least, counting those that are no rows, and copies.
        seed: what chance depends on.
        bytes_per_result: how long results are on average.
        versions: those of Claude Code that write them.
    """
    truth = Truth()
    chance = Random(seed)  # noqa: S311  nothing is to be kept secret
    made = _Maker(home / ".claude", chance, truth, bytes_per_result)
    number = 0
    while truth.found < calls:
        made.session(number, versions[number % len(versions)])
        number += 1
    return truth


class _Maker:
    """Makes up sessions."""

    def __init__(self, root: Path, chance: Random, truth: Truth, bytes_per_result: int) -> None:
        self._root = root
        self._chance = chance
        self._truth = truth
        self._bytes = bytes_per_result
        self._text = lines.Text(chance)
        self._number = 0
        self._now_ms = 0
        self._version = lines.VERSIONS[0]

    def session(self, number: int, version: Version) -> None:
        """Write a session, and maybe a copy that goes on otherwise."""
        chance = self._chance
        self._version = version
        self._now_ms = START_MS + number * SESSION_MS
        project = chance.choice(PROJECTS)
        directory = self._root / "projects" / f"-home-{SECRET}-{project}"
        conversation = self._uuid()
        base = {
            "isSidechain": False,
            "userType": "external",
            "cwd": f"/home/{SECRET}/{project}",
            "sessionId": conversation,
            "version": version.number,
            "gitBranch": SECRET,
        }
        file = File(directory / f"{conversation}.jsonl", base)
        counted = self._happens(10)  # by a gateway that numbers calls
        self._play(file, chance.randint(1, LONGEST_SESSION), counted=counted)
        if self._happens(3):
            call = self._begin(file, self._id(counted=counted), chance.choice(lines.TOOLS))
            if call.at_ms is None:
                self._truth.untimed += 1
            else:
                self._truth.unanswered += 1
            file.calls.append(
                Call(call.native_id, call.line, None, None, is_untimed=call.at_ms is None)
            )
        file.close(self._now_ms)
        if self._happens(5):
            self._copy(file, directory, counted=counted)

    def _copy(self, first: File, directory: Path, *, counted: bool) -> None:
        """Write a session that begins as another one, and goes on otherwise."""
        how = self._version.copies
        self._now_ms += 60_000
        conversation = self._uuid()
        origin = first.base["sessionId"]
        file = File(directory / f"{conversation}.jsonl", first.base | {"sessionId": conversation})
        until = self._chance.randint(1, len(first.records))
        for record in first.records[:until]:
            if isinstance(record, bytes):
                self._truth.malformed += record != lines.NULLS
                file.write(record)
                continue
            changed: Record = {"sessionId": conversation}
            if how == "branch":
                changed["forkedFrom"] = {"sessionId": origin, "messageUuid": record.get("uuid")}
            file.write(record | changed)
        for call in first.calls:
            if call.began_at < until:
                self._copied(call, file, until, origin if how == "branch" else conversation)
        self._play(file, self._chance.randint(1, 10), counted=counted)
        file.close(self._now_ms)

    def _copied(self, call: Call, file: File, until: int, conversation: str) -> None:
        """Count a call of a session that was copied so far."""
        truth = self._truth
        is_answered = call.ended_at is not None and call.ended_at < until
        if call.is_untimed and (is_answered or call.ended_at is None):
            truth.untimed += 1
        elif not is_answered and self._version.copies == "fork":
            # while it ran: the copy has a result of its own, which is none
            ending = lines.REFUSED[9]
            self._answer(file, call.native_id, ending.text, ending)
            truth.refused += 1
        elif not is_answered:
            truth.unanswered += 1
        elif call.row is None:
            truth.refused += 1
        elif (conversation, call.native_id) in truth.rows or call.native_id.startswith("toolu_"):
            truth.copies += 1
        else:
            truth.rows[conversation, call.native_id] = call.row

    def _play(self, file: File, calls: int, *, counted: bool) -> None:
        """Write a conversation with so many calls, and with what else there is."""
        chance = self._chance
        made = 0
        while made < calls:
            self._noise(file)
            parallel = chance.choice((1, 1, 1, 1, 1, 2, 3, 5))
            begun = []
            for _ in range(parallel):
                is_main = file.agent is None and not counted
                spawns = is_main and self._happens(33)
                name = "Task" if spawns else chance.choice(lines.TOOLS)
                begun.append(self._begin(file, self._id(counted=counted), name))
            chance.shuffle(begun)
            if parallel > 1 and self._happens(10):
                self._end_together(file, begun)
            else:
                for call in begun:
                    self._end(file, call)
            made += parallel

    def _begin(self, file: File, native_id: str, name: str) -> Begun:
        """Write that a call begins."""
        self._now_ms += self._chance.randint(1, 20_000)
        arguments: Record = {"command": SECRET, "path": f"/{SECRET}", "text": self._text.of(100)}
        if name == "Task":
            arguments = {"prompt": SECRET, "subagent_type": self._chance.choice(AGENTS)}
        block = {"type": "tool_use", "id": native_id, "name": name, "input": arguments}
        record = lines.assistant(file.base, [block], self._now_ms, self._next())
        if file.agent and self._version.names_agents == "lines":
            record["attributionAgent"] = file.agent
        at_ms: int | None = self._now_ms
        if self._happens(500):
            at_ms = None
            record["timestamp"] = self._chance.choice(["0001-01-01T00:00:00Z", "then", None])
        line = file.write(record)
        if self._version.repeats and at_ms and self._happens(10):
            file.write(record)
        if self._version.has_progress:
            file.write(lines.progress(file.base, record, self._now_ms, self._next()))
        return Begun(native_id, name, at_ms, line)

    def _end(self, file: File, call: Begun) -> None:
        """Write how a call ends, and take down the truth of it."""
        chance = self._chance
        ending = self._ending(call.name)
        spawned = None
        if call.name == "Task" and ending is None:
            spawned = self._subagent(file, call)
        self._now_ms += -1 if self._happens(10) else chance.randint(0, 3_000)
        text = (ending.text if ending else "") + self._text.of(self._bytes)
        result = lines.result(call.name, text, chance)
        run_ms = None
        if ending is not None:
            result = f"Error: {text}"
        elif spawned is not None or not self._happens(10):
            run_ms, measured = self._measured(call, spawned)
            result = measured | {"content": text} if measured else result
        if file.agent is not None and not self._version.has_results_of_subagents:
            result, run_ms = None, None
        line, at_ms = self._answer(file, call.native_id, text, ending, result)
        self._take_down(file, call, ending, run_ms, (line, at_ms))

    def _end_together(self, file: File, begun: list[Begun]) -> None:
        """Write the results of several calls in one line."""
        self._now_ms += 1_500
        blocks = [
            {"tool_use_id": call.native_id, "type": "tool_result", "content": SECRET}
            for call in begun
        ]
        record = lines.user(file.base, blocks, self._now_ms, self._next())
        line = file.write(record | {"toolUseResult": {"durationMs": 1, "totalDurationMs": 1}})
        for call in begun:
            self._take_down(file, call, None, None, (line, self._now_ms))

    def _answer(
        self, file: File, native_id: str, text: str, ending: Ending | None, result: object = None
    ) -> tuple[int, int | None]:
        """Write a result; return the number of its line, and its time, if that is one."""
        chance = self._chance
        block: Record = {"tool_use_id": native_id, "type": "tool_result"}
        block["content"] = [{"type": "text", "text": text}] if self._happens(2) else text
        if ending is not None:
            block["is_error"] = True
        elif self._happens(2):
            block["is_error"] = False
        record = lines.user(file.base, [block], self._now_ms, self._next())
        if result is not None:
            record["toolUseResult"] = result
        if ending is not None and ending.denial_kind and self._version.names_denials:
            record["toolDenialKind"] = ending.denial_kind
        at_ms: int | None = self._now_ms
        if ending is None and self._happens(500):
            at_ms = None
            record["timestamp"] = chance.choice(["9999-12-31T23:59:59.999Z", "", None])
        return file.write(record), at_ms

    def _take_down(
        self,
        file: File,
        call: Begun,
        ending: Ending | None,
        run_ms: float | None,
        end: tuple[int, int | None],
    ) -> None:
        truth = self._truth
        line, at_ms = end
        row = None
        if call.at_ms is None or at_ms is None:
            truth.untimed += 1
        elif ending is not None and ending.columns is None:
            truth.refused += 1
        else:
            wall_ms = max(0, at_ms - call.at_ms)
            runs = run_ms is not None and run_ms <= max(wall_ms, 1) + 1_000
            duration_ms = float(run_ms if runs and run_ms is not None else wall_ms)
            status, kind, error_type, code = (
                ending.columns if ending and ending.columns else ("success", None, None, None)
            )
            server, tool = lines.SERVERS.get(call.name, (None, call.name))
            row = {
                "tool_name": tool,
                "duration_ms": duration_ms,
                "status": status,
                "error_type": error_type,
                "timestamp": at_ms // 1000,
                "server": server,
                "agent": file.agent,
                "source": "import",
                "error_kind": kind,
                "error_code": code,
                "request_bytes": None,
                "result_bytes": None,
                "started_ms": max(call.at_ms, int(at_ms - duration_ms)),
                "duration_kind": "run" if runs else "wall",
            }
            truth.rows[file.base["sessionId"], call.native_id] = row
        is_untimed = call.at_ms is None or at_ms is None
        ended_at = None if call.at_ms is None else line
        file.calls.append(Call(call.native_id, call.line, ended_at, row, is_untimed=is_untimed))

    def _ending(self, name: str) -> Ending | None:
        """Return how a call ends that does not succeed; None if it does."""
        if self._happens(33):
            return self._chance.choice(lines.REFUSED)
        if name == "Task" or not self._happens(15):
            return None
        of_tool = lines.OF_MCP if name in lines.SERVERS else lines.OF_ANY
        return self._chance.choice(lines.OF_COMMANDS if name == "Bash" else of_tool)

    def _measured(self, call: Begun, spawned: str | None) -> tuple[float | None, Record]:
        """Return how long a call ran, if that is logged, and as what it is."""
        wall_ms = self._now_ms - (call.at_ms or self._now_ms)
        run_ms = self._chance.randint(0, max(wall_ms, 0) + 100)
        if spawned is not None and self._happens(3):
            return None, {"status": "async_launched", "agentId": spawned, "totalDurationMs": 1}
        if spawned is not None:
            return run_ms, {"status": "completed", "agentId": spawned, "totalDurationMs": run_ms}
        if call.name in {"Glob", "Grep", "WebFetch"}:
            if self._happens(20):  # more than there was time for
                run_ms += max(wall_ms, 0) + 5_000
            return run_ms, {"durationMs": run_ms, "numFiles": 3}
        if call.name == "WebSearch":
            return run_ms / 1000 * 1000, {"query": SECRET, "durationSeconds": run_ms / 1000}
        return None, {}

    def _subagent(self, parent: File, call: Begun) -> str:
        """Write the log of a subagent, and return its id."""
        version, chance = self._version, self._chance
        agent_id = f"{chance.randrange(16**16):016x}"
        name = f"agent-{agent_id}.jsonl"
        place = parent.path.parent
        if not version.subagents_beside:
            place = parent.path.with_suffix("") / "subagents"
            place /= chance.choice(("", "", "workflows/wf_1"))
        record = parent.records[call.line]
        assert isinstance(record, dict)  # noqa: S101  for type checkers
        agent: str = record["message"]["content"][0]["input"]["subagent_type"]
        if version.names_agents == "meta":
            meta = {"agentType": agent, "description": SECRET, "toolUseId": call.native_id}
            place.mkdir(parents=True, exist_ok=True)
            (place / f"agent-{agent_id}.meta.json").write_bytes(lines.line(meta))
        file = File(
            place / name, parent.base | {"isSidechain": True, "agentId": agent_id}, agent=agent
        )
        self._play(file, chance.randint(1, 20), counted=False)
        file.close(self._now_ms)
        return agent_id

    def _noise(self, file: File) -> None:
        """Write what is no call."""
        chance = self._chance
        self._now_ms += chance.randint(0, 60_000)
        what = chance.choices([*lines.NOISE], [*lines.NOISE.values()])[0]
        if what == "malformed":
            self._truth.malformed += 1
            file.write(chance.choice(lines.MALFORMED))
        elif what == "nulls":
            file.write(lines.NULLS)
        elif what != "none":
            text = self._text.of(300)
            file.write(lines.noise(what, file.base, text, self._now_ms, self._next()))

    def _happens(self, times: int) -> bool:
        """Tell whether something happens that does once in so many times."""
        return self._chance.randrange(times) == 0

    def _id(self, *, counted: bool) -> str:
        """Return an id for a call."""
        number = self._next()
        if counted:
            return f"call_{number % 100_000}"
        kind = "bdrk_" if self._version.number == "2.0.76" else ""
        return f"toolu_{kind}01{number:022}"

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _uuid(self) -> str:
        return str(UUID(int=self._chance.getrandbits(128), version=4))
