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
        "/v1/import",
        "/v1/instances",
        "/healthz",
        "/readyz",
    }
    schemas = document["components"]["schemas"]
    assert {
        reference.removeprefix("#/components/schemas/") for reference in _refs(document)
    } <= set(schemas)
    items = schemas["Envelope"]["properties"]["events"]["items"]
    assert {"$ref": "#/components/schemas/Event"} in items["anyOf"]


def test_every_status_has_a_media_type(collector: Collector) -> None:
    """Each operation lists its errors as problems, and no response lacks its media type."""
    document = collector.client.get("/openapi.json").json()
    operations = [each for path in document["paths"].values() for each in path.values()]

    for operation in operations:
        for status, response in operation["responses"].items():
            error = {"application/problem+json"} if int(status) >= 400 else {"application/json"}
            assert set(response["content"]) == error, (operation["summary"], status)
        assert {"500", "503"} <= set(operation["responses"])
        if "security" in operation:
            assert {"401", "403", "429"} <= set(operation["responses"])


def test_every_parameter_is_described(collector: Collector) -> None:
    """The query's description has all its parameters."""
    document = collector.client.get("/openapi.json").json()

    query = document["paths"]["/v1/events/query"]["get"]["parameters"]
    assert {parameter["name"] for parameter in query} == {
        *("app", "env", "event", "ip", "user", "q", "from", "to", "limit", "page_token"),
        *("outcome", "identity", "imported", "forwarded_ignored"),
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
