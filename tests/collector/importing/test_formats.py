import csv
import gzip
import io
import json
from typing import Any

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.collector.importing.errors import FileFormatError
from sqreen_mw.collector.importing.lines import MAX_LINE
from tests.support.import_rows import rows_of

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


def values(data: bytes, **options: Any) -> list[dict[str, Any] | None]:
    """Return the values of the rows of a file."""
    return [row.values for row in rows_of(data, **options)]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_delimiter_is_guessed(delimiter: str) -> None:
    """The most frequent delimiter of the header separates the values."""
    data = "a,b,c\n1,2,3\n".replace(",", delimiter).encode()

    assert values(data) == [{"a": "1", "b": "2", "c": "3"}]


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstd.compress])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_compression_and_encoding_are_found(compress: Any, encoding: str) -> None:
    """Gzip, Zstandard and byte order marks are recognized by their first bytes."""
    data = compress('{"event": "žluť"}\n\n{"event": "b"}\n'.encode(encoding))

    assert values(data) == [{"event": "žluť"}, {"event": "b"}]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b'[{"a": 1}]', "JSON array"),
        ("a,b\n".encode("utf-32"), "UTF-32"),
        ("a,b\n".encode("utf-16-le"), "without a byte order mark"),
        (b"\x00\x01\x02\x03", "binary"),
        (b"a,b\xff\n1,2\n", "header is not UTF-8"),
        (b"a,,c\n", "column 2 of the header has no name"),
        (b"a,b,a\n", "repeats a"),
        (b'"a,b\n1,2', "header cannot be read"),
        (gzip.compress(b"a,b\n" * 9999, mtime=0)[:-30], "damaged"),
        (zstd.compress(bytes(range(256)) * 999 + b"\n")[:-9], "damaged|decompressed|binary"),
    ],
)
def test_unusable_file_is_refused(data: bytes, reason: str) -> None:
    """A file without usable rows is refused with the reason."""
    with pytest.raises(FileFormatError, match=reason):
        rows_of(data)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1", "1 values"),
        (b"1,2,3", "3 values"),
        (b"1,\xff", "not UTF-8"),
        (b"1,\0", "NUL"),
        (b'1,"x"y', "expected after"),
        (b"1," + b"x" * MAX_LINE, "longer than"),
        (b'1,"no end', "end of data"),
    ],
)
def test_bad_csv_row_does_not_affect_others(line: bytes, reason: str) -> None:
    """A row that cannot be read has its number, its text and the reason."""
    before, bad, after = rows_of(b"a,b\n1,2\n" + line + b"\n3,4\n")

    assert (before.values, after.values) == ({"a": "1", "b": "2"}, {"a": "3", "b": "4"})
    assert (bad.line, bad.values) == (3, None)
    assert reason in bad.problem
    assert bad.text[:3].encode("utf-8", "surrogateescape") == (line + b"\n")[:3]


@pytest.mark.parametrize("line", [b"{", b"[1]", b'{"a": NaN}', b"[" * 9999, b"1", b'{"a": "\xff"}'])
def test_bad_json_line_does_not_affect_others(line: bytes) -> None:
    """A line that is no JSON object is rejected alone."""
    assert values(b'{"a": 1}\n' + line + b'\n{"a": 2}') == [{"a": 1}, None, {"a": 2}]


def test_quoted_line_ends_belong_to_the_row() -> None:
    """A quoted value may contain line ends; the number is that of the row's first line."""
    first, second = rows_of(b'a,b\r\n1,"x\r\ny ""z"""\r\n3,4\r\n')

    assert (first.line, first.values) == (2, {"a": "1", "b": 'x\r\ny "z"'})
    assert (second.line, second.values) == (4, {"a": "3", "b": "4"})


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=8))
def test_written_csv_is_read_back(table: list[tuple[str, str, str]]) -> None:
    """The rows that Python's csv module writes are read back."""
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([("a", "b", "c"), *table])

    read = values(written.getvalue().encode())

    assert read == [dict(zip("abc", row, strict=True)) for row in table]


@given(st.lists(st.dictionaries(TEXTS, st.none() | st.integers(-9, 9) | TEXTS), max_size=8))
def test_written_ndjson_is_read_back(table: list[dict[str, Any]]) -> None:
    """The objects that Python's json module writes are read back."""
    lines = [json.dumps(row) for row in [{"first": 1}, *table]]

    assert values("\n".join(lines).encode()) == [{"first": 1}, *table]


LOG = (
    '203.0.113.9 - ann [10/Oct/2025:13:55:36 +0200] "GET /a?b=1 HTTP/1.1" 200 23 '
    '"-" "Agent \\"x\\""'
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            LOG,
            {
                "ip": "203.0.113.9",
                "user": "ann",
                "time": "2025-10-10T13:55:36+02:00",
                "verb": "GET",
                "path": "/a?b=1",
                "status": "200",
                "bytes": 23,
                "user_agent": 'Agent "x"',
            },
        ),
        (
            '2001:db8::1 - - [01/Jan/2024:00:00:00 +0000] "POST /caf\\xc3\\xa9 HTTP/2" 404 -',
            {
                "ip": "2001:db8::1",
                "time": "2024-01-01T00:00:00+00:00",
                "verb": "POST",
                "path": "/café",
                "status": "404",
            },
        ),
    ],
)
def test_access_log_line_is_read(line: str, expected: dict[str, Any]) -> None:
    """Combined and common lines are read, with escapes and IPv6 addresses."""
    assert values(line.encode(), wanted="combined") == [expected]


@pytest.mark.parametrize(("old", "new"), [("Oct", "Okt"), ("GET /a?b=1 HTTP/1.1", "-"), ("[", "")])
def test_bad_access_log_line_is_rejected(old: str, new: str) -> None:
    """A line with another time, request or format is rejected alone."""
    bad, good = rows_of(f"{LOG.replace(old, new)}\n{LOG}\n".encode(), "combined")

    assert (bad.values, bad.line) == (None, 1)
    assert good.values is not None
