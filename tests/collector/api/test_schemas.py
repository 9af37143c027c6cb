from typing import Any

from tests.collector.api.conftest import Collector


def test_openapi_document_is_complete(collector: Collector) -> None:
    """The document is OpenAPI 3.1, has every path, and has no broken reference."""
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
    """The query's description has all its parameters."""
    document = collector.client.get("/openapi.json").json()

    query = document["paths"]["/v1/events/query"]["get"]["parameters"]
    assert {parameter["name"] for parameter in query} == {
        *("app", "env", "event", "ip", "user", "q", "from", "to", "limit", "page_token")
    }


def test_no_documentation_pages_with_external_scripts(collector: Collector) -> None:
    """FastAPI's documentation pages, which load external scripts, are disabled."""
    for path in ("/docs", "/redoc"):
        assert "cdn" not in collector.client.get(path).text


def _refs(part: Any) -> set[str]:
    if isinstance(part, list):
        return {found for child in part for found in _refs(child)}
    if isinstance(part, dict):
        found = {found for child in part.values() for found in _refs(child)}
        return found | ({part["$ref"]} if "$ref" in part else set())
    return set()
