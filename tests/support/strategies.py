"""Hypothesis strategies for the values of the protocol."""

from hypothesis import strategies as st

from sqreen_mw.protocol.address import canonical_address
from sqreen_mw.protocol.event import Event, Params, RequestInfo
from sqreen_mw.protocol.event_id import new_event_id
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
addresses = st.ip_addresses().map(lambda address: canonical_address(str(address)))
event_ids = st.integers(0, MAX_TIMESTAMP).map(new_event_id)

json_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
json_values = st.recursive(
    json_scalars,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(texts, children, max_size=3),
    max_leaves=8,
).filter(lambda value: depth(value) <= 5)

params = st.builds(
    Params,
    query=st.dictionaries(texts, st.lists(texts, min_size=1, max_size=3), max_size=3),
    path=st.dictionaries(texts, texts, max_size=3),
)
requests = st.builds(
    RequestInfo,
    verb=st.sampled_from(["GET", "POST", "BREW"]),
    path=texts,
    ip=st.none() | addresses,
    ip_source=st.sampled_from(["peer", "proxy", "header"]),
    forwarded_ignored=st.booleans(),
    crashed=st.booleans(),
    user_agent=st.none() | texts,
    host=st.none() | texts,
    route=st.none() | texts,
    params=params,
    truncated=st.booleans(),
)
events = st.builds(
    Event,
    id=event_ids,
    name=names,
    timestamp=st.integers(MIN_TIMESTAMP, MAX_TIMESTAMP),
    properties=st.dictionaries(texts, json_values, max_size=4),
    user_identifiers=st.dictionaries(texts, texts | st.integers(0, 2**40), max_size=3),
    identity=st.sampled_from([None, "established", "claimed"]),
    request=st.none() | requests,
    truncated=st.booleans(),
)


def depth(value: object) -> int:
    """Return the nesting depth of lists and dicts."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0
