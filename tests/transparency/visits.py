"""Visits to all sites, and visits to websockets."""

from collections.abc import Iterable

from tests.transparency.raw_http import Visit, frame

BIG = b"x" * 200_000
FORM = "Content-Type: application/x-www-form-urlencoded"
MULTIPART = "Content-Type: multipart/form-data; boundary=edge"
PARTS = b'--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--edge--\r\n'
UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def post(behaviour: str, body: bytes, *fields: str, in_pieces: bool = False) -> Visit:
    """Return a visit that sends a body with its length."""
    return Visit(
        behaviour=behaviour,
        method="POST",
        fields=(f"Content-Length: {len(body)}", *fields),
        parts=((b"", body),),
        in_pieces=in_pieces,
    )


def gets(behaviours: Iterable[str]) -> dict[str, Visit]:
    """Return a plain visit to each behaviour."""
    return {name: Visit(behaviour=name) for name in behaviours}


def chunked(behaviour: str) -> Visit:
    """Return a visit with a chunked body (RFC 9112, section 7.1)."""
    chunks = (b"5\r\nhello\r\n", b"1;ext=1\r\n!\r\n", b"0\r\n\r\n")
    return Visit(
        behaviour=behaviour,
        method="POST",
        fields=("Transfer-Encoding: chunked",),
        parts=((b"", b"".join(chunks)),),
        in_pieces=True,
    )


def expecting(behaviour: str) -> Visit:
    """Return a visit that waits for 100 Continue before the body (RFC 9110, 10.1.1)."""
    return Visit(
        behaviour=behaviour,
        method="POST",
        fields=("Content-Length: 5", "Expect: 100-continue"),
        parts=((b"\r\n\r\n", b"hello"),),
        in_pieces=True,
    )


def gone_in_body(behaviour: str) -> Visit:
    """Return a visit that disconnects in the middle of its body."""
    return Visit(
        behaviour=behaviour,
        method="POST",
        fields=("Content-Length: 1000",),
        parts=((b"", b"hello"),),
        hangs_up_at=b"",
        in_pieces=True,
    )


def talk(behaviour: str, *frames: bytes) -> Visit:
    """Return a visit to a websocket; without frames it ends after the response head."""
    parts = ((b"\r\n\r\n", b"".join(frames)),) if frames else ()
    end = None if frames else b"\r\n\r\n"
    return Visit(behaviour=behaviour, fields=UPGRADE, parts=parts, hangs_up_at=end)


ANY = {
    "HEAD": Visit(behaviour="plain", method="HEAD"),
    "HEAD streams": Visit(behaviour="streams", method="HEAD"),
    "HTTP/1.0": Visit(behaviour="streams", version="1.0"),
    "unread body": post("plain", b"hello"),
    "small body": post("reads_all", b"hello"),
    "big body": post("reads_all", BIG, in_pieces=True),
    "big body read in part": post("reads_some", BIG, in_pieces=True),
    "body read late": post("reads_late", b"hello", in_pieces=True),
    "chunked body": chunked("reads_all"),
    "expected body": expecting("reads_all"),
    "form": post("parses_form", b"a=1&b=2", FORM, in_pieces=True),
    "multipart": post("parses_form", PARTS, MULTIPART, in_pieces=True),
}
WEBSOCKETS = {
    "websocket echoes": talk(
        "echoes", frame(1, b"hello"), frame(2, b"\xff\x00"), frame(8, b"\x03\xe8")
    ),
    "websocket rejects": talk("rejects"),
    "websocket closes": Visit(
        behaviour="closes", fields=UPGRADE, parts=((b"\x10\xe1", frame(8, b"\x10\xe1")),)
    ),
    "websocket denies": talk("denies"),
    "websocket fails open": talk("fails_open"),
    "websocket fails closed": talk("fails_closed"),
}
