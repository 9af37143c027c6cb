"""Unusual and broken values from clients, servers and apps."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn


class Mute:
    """A value without a string form."""

    def __str__(self) -> NoReturn:
        raise RuntimeError("no text")

    __repr__ = __str__


class Slow:
    """A value with a slow string form."""

    def __str__(self) -> str:
        time.sleep(0.01)
        return "slow"


class Liar(dict[str, Any]):
    """A dict with a wrong length."""

    def __len__(self) -> int:
        return 10**9


class Negative(dict[str, Any]):
    """A dict with a negative length."""

    def __len__(self) -> int:
        return -1  # noqa: PLE0303 wrong on purpose


class Endless(Mapping[str, Any]):
    """A mapping that never ends."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, key: str) -> str:
        return key

    def __iter__(self) -> Iterator[str]:
        number = 0
        while True:
            yield str(number)
            number += 1


class Text(str):
    """A str with broken methods."""

    __slots__ = ()

    def __str__(self) -> NoReturn:
        raise RuntimeError("no text")

    def startswith(self, *_: Any) -> NoReturn:
        """Raise an error."""
        raise RuntimeError("no start")


def cycle() -> list[Any]:
    """Return a list that contains itself."""
    values: list[Any] = []
    values.append(values)
    return values


def deep() -> Any:
    """Return a value nested deeper than the recursion limit."""
    value: Any = "end"
    for _ in range(20_000):
        value = [value]
    return value


PROPERTIES: dict[str, Any] = {
    "cyclic": {"a": cycle()},
    "deep": {"a": deep()},
    "not a number": {"a": float("nan"), "b": float("-inf"), "c": 10**400, "d": 10**5000},
    "surrogates": {"\ud800": "\udfff"},
    "without text": {"a": Mute()},
    "slow": {"a": Slow()},
    "lying": Liar(a=1),
    "negative": Negative(a=1),
    "endless": Endless(),
    "nested liars": {"a": Liar(b=Negative(c=1)), "d": Endless()},
    "bytes": {"a": b"\xff", "b": bytearray(10), "c": memoryview(b"x")},
    "odd keys": {None: 1, 2: 3, (4,): 5, Mute(): 6},
    "text of its own": {Text("a"): Text("b")},
    "classes": {"a": int, "b": len, "c": (each for each in "x"), "d": object()},
    "huge": {"a": "x" * 10_000_000, "b": ["y"] * 1_000_000},
    "no dict": ["a"],
    "nothing": None,
}
HEADERS: dict[str, Any] = {
    "a bomb": [(b"x-bomb", b"x" * 8000)] * 1000,
    "many addresses": [(b"x-forwarded-for", b"127.0.0.1, " * 10_000)],
    "not text": [(b"\xff\xfe", b"\xff"), (b"user-agent", b"\xff\xfe\x00"), (b"host", b"\xc3")],
    "a tuple": ((b"host", b"shop.test"),),
    "lists": [[b"host", b"shop.test"]],
    "text": [("host", "shop.test")],
    "no pairs": [b"host", (b"a",), (b"a", b"b", b"c"), None],
    "a dict": {b"host": b"shop.test"},
    "nothing": None,
}
SCOPES: dict[str, dict[str, Any]] = {
    **{f"headers: {name}": {"headers": headers} for name, headers in HEADERS.items()},
    "no client": {"client": None},
    "client of one": {"client": ["unix"]},
    "client of none": {"client": []},
    "client as text": {"client": "203.0.113.9:80"},
    "client as number": {"client": 7},
    "client of numbers": {"client": (7, 8)},
    "client of bytes": {"client": (b"\xff", 8)},
    "client with a zone": {"client": ("fe80::1%eth0", 8)},
    "long query": {"query_string": b"a=" + b"%ff" * 350_000},
    "many parameters": {"query_string": b"&".join(b"p%d=\xff" % n for n in range(10_000))},
    "query as text": {"query_string": "a=b"},
    "query none": {"query_string": None},
    "path surrogates": {"path": "/\ud800\x00"},
    "path bytes": {"path": b"/"},
    "path none": {"path": None},
    "long path": {"path": "/" + "x" * 1_000_000},
    "method none": {"method": None},
    "state none": {"state": None},
    "state taken": {"state": {"sqreen": "the app's own"}},
    "route odd": {"route": Mute(), "path_params": {"a": Mute(), 7: 8}},
    "path_params odd": {"path_params": ["a"]},
    "fastapi odd": {"route": type("Route", (), {"path": "/a"})(), "fastapi": None},
    "root path odd": {
        "route": type("Route", (), {"path": "/a"})(),
        "root_path": None,
        "app_root_path": 7,
    },
}
LEFT_OUT = ("headers", "client", "query_string", "method", "path", "raw_path", "server", "scheme")
ENVIRONS: dict[str, dict[str, Any]] = {
    "bomb": {f"HTTP_X_{n}": "x" * 8000 for n in range(1000)},
    "not latin": {"PATH_INFO": "/\u20ac\ud800", "QUERY_STRING": "\u20ac=\ud800"},
    "bytes": {"PATH_INFO": b"/", "QUERY_STRING": b"a=b", "REMOTE_ADDR": b"127.0.0.1"},
    "nothing": {"PATH_INFO": None, "QUERY_STRING": None, "REMOTE_ADDR": None, "HTTP_HOST": None},
    "numbers": {"PATH_INFO": 7, "QUERY_STRING": 7, "REMOTE_ADDR": 7, "HTTP_USER_AGENT": 7},
    "long": {"QUERY_STRING": "a=" + "%ff" * 350_000, "PATH_INFO": "/" + "x" * 1_000_000},
    "many parameters": {"QUERY_STRING": "&".join(f"p{n}=\xff" for n in range(10_000))},
    "no address": {"REMOTE_ADDR": "unix:"},
    "request odd": {"werkzeug.request": Mute()},
    "key taken": {"sqreen.request": "the server's own"},
    "rule odd": {"werkzeug.request": type("R", (), {"url_rule": Mute(), "view_args": 7})()},
    "file_wrapper odd": {"wsgi.file_wrapper": 7},
}
ENVIRON_LEFT_OUT = (
    *("REMOTE_ADDR", "QUERY_STRING", "PATH_INFO", "SCRIPT_NAME", "REQUEST_METHOD"),
    *("wsgi.input", "SERVER_NAME", "wsgi.file_wrapper"),
)

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
BODIES: dict[str, tuple[str, bytes]] = {
    "deep": (JSON, b"[" * 8000 + b"]" * 8000),
    "deeper than kept": (JSON, b"[" * 100_000),
    "no number": (JSON, b'{"a": NaN}'),
    "infinite": (JSON, b'{"a": 1e999, "b": -1e999}'),
    "huge number": (JSON, b"9" * 10_000),
    "surrogates": (JSON, b'{"\\ud800": "\\udfff"}'),
    "not text": (JSON, b'{"a": "\xff"}'),
    "doubled names": (JSON, b'{"a": 1, "a": 2}'),
    "many names": (JSON, b"{%s}" % b",".join(b'"%d": 1' % n for n in range(1500))),
    "empty json": (JSON, b""),
    "json by name only": ("APPLICATION/vnd.api+JSON; charset=utf-7", b'{"a": 1}'),
    "many fields": (FORM, b"&".join(b"p%d=%%ff" % n for n in range(10_000))),
    "odd form": (FORM, b"&&==&%&%zz=%u0000&\xff=\x00"),
    "no boundary": (MULTIPART, b"--\r\n\r\n--"),
    "empty boundary": (f"{MULTIPART}; boundary=", b"--\r\n\r\n----"),
    "long boundary": (f"{MULTIPART}; boundary={'b' * 5000}", b"--" + b"b" * 5000),
    "cut multipart": (f"{MULTIPART}; boundary=b", b"--b\r\nContent-Disposition: form-data; na"),
    "nameless part": (f"{MULTIPART}; boundary=b", b"--b\r\n\r\nx\r\n--b--"),
    "many parts": (
        f"{MULTIPART}; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 1000,
    ),
    "odd type": (";;=\x00; charset", b"x"),
    "no type": ("", b"x"),
}
