from typing import Any

from tests.collector.api.conftest import Collector


def test_describes_itself(collector: Collector) -> None:
    """The OpenAPI description is 3.1, names every path, and refers to nothing that is missing."""
    document = collector.client.get("/openapi.json").json()
    assert collector.client.get("/openapi.json").json() == document

    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/v1/events",
        "/v1/events/query",
        "/v1/events/histogram",
        "/v1/events/{event_id}",
        "/v1/heartbeat",
        "/v1/instances",
        "/healthz",
    }
    schemas = document["components"]["schemas"]
    assert {
        reference.removeprefix("#/components/schemas/") for reference in _refs(document)
    } <= set(schemas)
    assert schemas["Envelope"]["properties"]["events"]["items"] == {
        "$ref": "#/components/schemas/Event"
    }


def test_every_parameter_is_described(collector: Collector) -> None:
    """The description of the query has all its parameters."""
    document = collector.client.get("/openapi.json").json()

    query = document["paths"]["/v1/events/query"]["get"]["parameters"]
    assert {parameter["name"] for parameter in query} == {
        *("app", "env", "event", "ip", "user", "q", "from", "to", "limit", "page_token")
    }


def test_no_page_loads_scripts_of_others(collector: Collector) -> None:
    """FastAPI's own pages of documentation, which load from elsewhere, are off."""
    for path in ("/docs", "/redoc"):
        assert "cdn" not in collector.client.get(path).text


def _refs(part: Any) -> set[str]:
    if isinstance(part, list):
        return {found for child in part for found in _refs(child)}
    if isinstance(part, dict):
        found = {found for child in part.values() for found in _refs(child)}
        return found | ({part["$ref"]} if "$ref" in part else set())
    return set()
