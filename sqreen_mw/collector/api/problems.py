"""Every fault as problem details (RFC 9457), without anything of the collector's inside."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from sqreen_mw.errors import StoreError

HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
"""What every answer of the API carries."""

RETRY_AFTER: Final = 5
"""Seconds until a client should try again when a store failed."""


class Problem(Exception):  # noqa: N818 it is called so in RFC 9457
    """An answer that says what is wrong with a request, and what to do.

    Args:
        status: The HTTP status.
        detail: What is wrong and what to do.
        headers: Headers that the status asks for.
        members: Further members of the problem.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers: Mapping[str, str] = headers or {}
        self.members = members

    def response(self) -> Response:
        """Return the answer."""
        status = HTTPStatus(self.status)
        body = {"type": "about:blank", "title": status.phrase, "status": status.value}
        return Response(
            msgspec.json.encode(body | {"detail": self.detail} | self.members),
            status.value,
            headers={**HEADERS, **self.headers},
            media_type="application/problem+json",
        )


def install(app: FastAPI) -> None:
    """Let the application answer faults so."""
    app.add_exception_handler(Exception, _answer)
    for kind in (
        Problem,
        HTTPException,
        RequestValidationError,
        StoreError,
        ClientDisconnect,
    ):
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    return _problem(request, error).response()


def _problem(request: Request, error: Exception) -> Problem:
    problem = Problem(500, "the collector failed; its log says how")
    match error:
        case Problem():
            problem = error
        case RequestValidationError():
            problem = invalid_parameters(error.errors())
        case ClientDisconnect():
            problem = Problem(400, "the connection ended before the request did")
        case StoreError():
            problem = Problem(503, str(error), headers={"retry-after": str(RETRY_AFTER)})
        case HTTPException():
            detail = f"{request.method} {request.url.path}: {error.detail}"
            problem = Problem(error.status_code, detail, headers=error.headers)
        case _:
            pass
    return problem


def invalid_parameters(errors: Any) -> Problem:
    """Return the problem for faults that pydantic found, each with the name of its parameter."""
    faults = [
        {
            "parameter": ".".join(str(part) for part in error["loc"] if part not in _PLACES),
            "detail": error["msg"].removeprefix("Value error, "),
        }
        for error in errors
    ]
    detail = "; ".join(f"{fault['parameter']}: {fault['detail']}" for fault in faults)
    return Problem(422, detail, errors=faults)


_PLACES: Final = frozenset({"query", "path", "body"})
