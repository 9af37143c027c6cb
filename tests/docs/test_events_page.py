"""The page of events agrees with the protocol."""

import ast
import json
import re
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from sqreen_mw.agent.tracker import LOGIN, SIGNUP
from sqreen_mw.capture.request import MAX_QUERY_BYTES
from sqreen_mw.capture.request_body import MAX_BODY_BYTES
from sqreen_mw.protocol import limits
from sqreen_mw.protocol.batch import Envelope, IngestAnswer, Rejection, decode_answer, decode_batch
from sqreen_mw.protocol.event import Event, Params, RequestInfo
from sqreen_mw.protocol.heartbeat import (
    HEARTBEAT_INTERVAL,
    Heartbeat,
    HeartbeatAnswer,
    Queue,
    decode_heartbeat,
    decode_heartbeat_answer,
)
from tests.docs.pages import blocks_of, text_of

PAGE = text_of("docs/events.md")


@pytest.mark.parametrize("struct", [Event, RequestInfo, Params, Envelope, Heartbeat, Queue])
def test_tables_have_every_field(struct: type[msgspec.Struct]) -> None:
    """One table has exactly the fields of a struct, with their names on the wire."""
    wanted = [field.encode_name for field in msgspec.structs.fields(struct)]
    tables = [re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) for table in PAGE.split("\n\n")]

    assert sorted(wanted) in [sorted(table) for table in tables]


def test_example_answer_is_complete() -> None:
    """The example of an answer is valid and has every field."""
    _, answer, *_ = [block.code for block in blocks_of("docs/events.md")]

    assert decode_answer(answer.encode()).accepted == 1
    example = json.loads(answer)
    assert list(example) == [field.name for field in msgspec.structs.fields(IngestAnswer)]
    assert example["rejected"][0].keys() == {
        field.name for field in msgspec.structs.fields(Rejection)
    }


def test_example_batch_is_complete() -> None:
    """The example of a batch has every field, and its events are valid."""
    batch, *_ = [block.code for block in blocks_of("docs/events.md")]

    decoded = decode_batch(batch.encode())
    assert decoded.rejected == []
    assert [event.name for event in decoded.events] == ["coupon.applied"]
    assert json.loads(batch).keys() == {field.name for field in msgspec.structs.fields(Envelope)}


def test_example_heartbeat_is_complete() -> None:
    """The examples of a heartbeat and of its answer have every field."""
    *_, beat, answer = [block.code for block in blocks_of("docs/events.md")]

    example = json.loads(beat)
    assert decode_heartbeat(beat.encode()).queue.delivered == 1292
    assert example.keys() == {field.name for field in msgspec.structs.fields(Heartbeat)}
    assert example["queue"].keys() == {field.name for field in msgspec.structs.fields(Queue)}
    assert decode_heartbeat_answer(answer.encode()).heartbeat_interval == HEARTBEAT_INTERVAL
    assert json.loads(answer).keys() == set(HeartbeatAnswer.__struct_fields__)


def limits_table() -> str:
    """Return the table of limits, from the docstrings in the protocol."""
    body = ast.parse(Path(limits.__file__).read_text()).body
    rows: list[str] = []
    for statement, after in pairwise(body):
        if isinstance(statement, ast.AnnAssign) and isinstance(after, ast.Expr):
            assert isinstance(statement.target, ast.Name)
            value = getattr(limits, statement.target.id)
            words = ast.literal_eval(after.value).rstrip(".").replace("\n", " ")
            rows.append(f"| {words} | {value:,} |")
    return "\n".join(rows)


def test_limits_agree_with_the_code() -> None:
    """The page has each limit with its number."""
    assert limits_table() in PAGE
    assert MAX_BODY_BYTES == MAX_QUERY_BYTES == 16 * 1024


def test_reserved_names_are_documented() -> None:
    """The page has each event name that the SDK itself uses."""
    assert all(f"`{name}`" in PAGE for name in (LOGIN, SIGNUP))
