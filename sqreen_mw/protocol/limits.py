"""The limits that agent and collector share."""

from typing import Final

MAX_NAME_LENGTH: Final = 256
"""Maximum length of an event name."""

MAX_PROPERTIES: Final = 16
"""Maximum number of properties of an event, like in the original Sqreen."""

MAX_PROPERTY_NAME_LENGTH: Final = 256
"""Maximum length of a property's or an identifier's name."""

MAX_PROPERTY_DEPTH: Final = 5
"""Maximum depth of lists and objects in a property; a plain value has depth 0."""

MAX_IDENTIFIERS: Final = 16
"""Maximum number of user identifiers of an event."""

MAX_IDENTIFIER_LENGTH: Final = 512
"""Maximum length of an identifier; an e-mail address has at most 254 characters (RFC 5321)."""

MAX_TEXT_LENGTH: Final = 4096
"""Maximum length of all other texts: string properties, paths, user agents, parameters."""

MAX_PARAMETERS: Final = 100
"""Maximum number of query parameters of a request, and of path parameters."""

MAX_EVENT_BYTES: Final = 64 * 1024
"""Maximum bytes of an encoded event."""

MAX_BATCH_EVENTS: Final = 1000
"""Maximum number of events in a batch."""

MAX_WIRE_BYTES: Final = 1024 * 1024
"""Maximum bytes of a sent batch, compressed or not."""

MAX_INFLATED_BYTES: Final = 5 * 1024 * 1024
"""Maximum bytes of a decompressed batch."""

MIN_TIMESTAMP: Final = -62_135_596_800_000
"""The earliest timestamp, 0001-01-01T00:00:00Z, in milliseconds since the epoch."""

MAX_TIMESTAMP: Final = 253_402_300_799_999
"""The latest timestamp, 9999-12-31T23:59:59.999Z, in milliseconds since the epoch."""

MIN_STATUS: Final = 100
"""The smallest status of a response (RFC 9110, section 15)."""

MAX_STATUS: Final = 999
"""The largest status of a response; it has three digits."""

MAX_HEARTBEAT_BYTES: Final = 16 * 1024
"""Maximum bytes of a heartbeat, compressed or not."""

MAX_COUNTERS: Final = 64
"""Maximum number of drop reasons in a heartbeat, and of kinds of misuse."""

MAX_COUNT: Final = 10**12
"""The largest counter of a heartbeat: a thousand events a second for thirty years."""
