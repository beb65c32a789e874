"""Ids that several programs find alike, each by itself."""

import json
import subprocess
import sys
from hashlib import sha256
from uuid import UUID

import pytest

from devflow_analytics_recorder import call_id, named_id

SESSION = "01999999-9999-7abc-8def-0123456789ab"


def test_named_ids_differ_wherever_their_names_do() -> None:
    names = [("a", "bc"), ("ab", "c"), ("", "abc"), ("a", "b\0c"), ("a\0b", "c"), ("a", "\ud800")]
    ids = [UUID(named_id(*name)) for name in names]
    assert len({*ids}) == len(names) - 1  # NUL separates, and is in no name that there is
    assert {one.version for one in ids} == {8}
    assert {one.variant for one in ids} == {UUID(int=1 << 63).variant}


def test_a_named_id_never_changes() -> None:
    assert named_id("claude-code", "toolu_1") == "23dac979-bf58-886f-bf97-f861f13953ba"


def test_a_call_id_never_changes() -> None:
    assert call_id(SESSION, 1) == "01999999-9999-7fe8-9d1f-51dbb9dadac0"
    assert call_id(SESSION, "1") == "01999999-9999-7703-952f-6bc81cbb50ed"


@pytest.mark.parametrize(
    "request_id", [0, 1, -1, 2**64, 10**4_000, "", "1", 'a"b\\', "é", "😀", "\ud800", "\0", "\x7f"]
)
def test_a_call_id_has_the_time_of_its_session_and_the_hash_of_both(request_id: int | str) -> None:
    found = UUID(call_id(SESSION, request_id))
    told = f"devflow-analytics\0{SESSION}\0{json.dumps(request_id)}"
    given = UUID(bytes=UUID(SESSION).bytes[:6] + sha256(told.encode()).digest()[:10])
    free = ~(0xF << 76 | 3 << 62)
    assert found.int & free == given.int & free
    assert (found.version, found.variant) == (7, UUID(SESSION).variant)


def test_call_ids_differ_by_session_and_by_the_type_of_the_id() -> None:
    other = SESSION[:-1] + "c"
    ids = {call_id(*each) for each in [(SESSION, 1), (SESSION, "1"), (other, 1), (other, "1")]}
    assert len(ids) == 4


@pytest.mark.parametrize("session", ["", "0199-9999", "no uuid"])
def test_no_call_id_is_made_for_what_is_no_session(session: str) -> None:
    with pytest.raises(ValueError, match=r"no UUID|non-hexadecimal"):
        call_id(session, 1)


def test_what_finds_ids_and_conversations_costs_a_proxy_next_to_nothing() -> None:
    program = """if True:
        import sys
        before = {*sys.modules}
        from devflow_analytics_recorder import (
            call_id, conversation, conversation_of_process, named_id, native_id
        )
        call_id("01999999-9999-7abc-8def-0123456789ab", "1")
        named_id("kind", "name")
        for name in sorted({*sys.modules} - before):
            print(name)
    """
    names = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    ours = [name for name in names if name.startswith("devflow_analytics")]
    assert ours == [
        "devflow_analytics_recorder",
        "devflow_analytics_recorder.conversations",
        "devflow_analytics_recorder.ids",
    ]
    assert {*names} - {*ours} <= {"_json", "_sha2", "_sha256"}
