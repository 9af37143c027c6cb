"""Every number that both halves must agree on, once."""

from typing import Final

MAX_NAME_LENGTH: Final = 256
"""Characters of an event name."""

MAX_PROPERTIES: Final = 16
"""Properties of one event, as in the original Sqreen."""

MAX_PROPERTY_NAME_LENGTH: Final = 256
"""Characters of a property's or an identifier's name."""

MAX_PROPERTY_DEPTH: Final = 5
"""Levels of lists and objects in a property's value; a plain value has depth 0."""

MAX_IDENTIFIERS: Final = 16
"""Identifiers of one user on one event."""

MAX_IDENTIFIER_LENGTH: Final = 512
"""Characters of one identifier's value; an e-mail address has at most 254 (RFC 5321)."""

MAX_TEXT_LENGTH: Final = 4096
"""Characters of any other text: a string property, a path, a user agent, a parameter."""

MAX_PARAMETERS: Final = 100
"""Query parameters, and path parameters, kept of one request."""

MAX_EVENT_BYTES: Final = 64 * 1024
"""Bytes of one encoded event."""

MAX_BATCH_EVENTS: Final = 1000
"""Events of one batch."""

MAX_WIRE_BYTES: Final = 1024 * 1024
"""Bytes of a batch as sent, compressed or not."""

MAX_INFLATED_BYTES: Final = 5 * 1024 * 1024
"""Bytes of a batch once inflated."""

MIN_TIMESTAMP: Final = -62_135_596_800_000
"""The earliest timestamp, 0001-01-01T00:00:00Z, in milliseconds since the epoch."""

MAX_TIMESTAMP: Final = 253_402_300_799_999
"""The latest timestamp, 9999-12-31T23:59:59.999Z, in milliseconds since the epoch."""

MIN_STATUS: Final = 100
"""The least status of a response (RFC 9110, section 15)."""

MAX_STATUS: Final = 999
"""The greatest status of a response; there are three digits."""

MAX_HEARTBEAT_BYTES: Final = 16 * 1024
"""Bytes of a heartbeat, compressed or not."""

MAX_COUNTERS: Final = 64
"""Reasons, and kinds of misuse, that a heartbeat counts."""

MAX_COUNT: Final = 10**12
"""The greatest count of a heartbeat; a thousand events a second get there in thirty years."""
