"""Whose conversation a call belongs to, and its own id in it, as agents say it.

The kinds that `conversation` returns are the names of agents. An import of an agent's logs and a
hook name the same conversation by the same kind and id, and so find the same session.
"""

import os

TYPE_CHECKING = False  # as importing typing takes 5 ms or more, which a proxy has not
if TYPE_CHECKING:
    from collections.abc import Mapping

CLAUDE_CODE = "claude-code"
CODEX = "codex"

_KINDS = {
    "vscode.conversationId": "vscode",
    "ai.opencode/sessionID": "opencode",
    "antigravity.google/conversation_id": "antigravity",
}
"""Keys of a request's ``_meta`` that hold a conversation's id, and whose conversation it is."""

_CODEX_TURN = "x-codex-turn-metadata"
_CODEX_THREAD = "threadId"

_NATIVE_IDS = ("claudecode/toolUseId",)
"""Keys of a request's ``_meta`` that hold the agent's own id of the call."""

_CLAUDE_CODE_SESSION = "CLAUDE_CODE_SESSION_ID"
"""What Claude Code sets for the servers that it starts."""


def conversation(meta: "Mapping[str, object]", client: str | None) -> tuple[str, str] | None:
    """Return the kind and id of the conversation that a request's ``_meta`` names, if it does."""
    turn = meta.get(_CODEX_TURN)
    if isinstance(turn, dict):
        session = turn.get("session_id")
        if isinstance(session, str) and session:
            return CODEX, session
    thread = meta.get(_CODEX_THREAD)
    # The name is a plain word, which another client may use for something else.
    if isinstance(thread, str) and thread and (client is None or client.startswith(CODEX)):
        return CODEX, thread
    for name, kind in _KINDS.items():
        value = meta.get(name)
        if isinstance(value, str) and value:
            return kind, value
    return None


def conversation_of_process(client: str | None) -> tuple[str, str] | None:
    """Return the kind and id of the conversation for which an agent started this process.

    An environment is inherited: what Claude Code set says nothing of other clients.
    """
    value = os.environ.get(_CLAUDE_CODE_SESSION) if client == CLAUDE_CODE else None
    return (CLAUDE_CODE, value) if value else None


def native_id(meta: "Mapping[str, object]") -> str | None:
    """Return the agent's own id of a call, if a request's ``_meta`` holds it."""
    for name in _NATIVE_IDS:
        value = meta.get(name)
        if isinstance(value, str) and value:
            return value
    return None
