"""Report every error as problem details (RFC 9457), without internals."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from sqreen_mw.collector.operation_log import log_store_error
from sqreen_mw.errors import StoreError

HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
"""Headers of every API response."""

RETRY_AFTER: Final = 5
"""Seconds until a client should retry after a store error."""


class ProblemError(Exception):
    """An error response with problem details.

    Args:
        status: The HTTP status.
        detail: The error and its fix.
        headers: Headers of the status.
        members: Additional members of the problem.
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
        """Return the response."""
        status = HTTPStatus(self.status)
        body = {"type": "about:blank", "title": status.phrase, "status": status.value}
        return Response(
            msgspec.json.encode(body | {"detail": self.detail} | self.members),
            status.value,
            headers={**HEADERS, **self.headers},
            media_type="application/problem+json",
        )


def install(app: FastAPI) -> None:
    """Add handlers of expected errors to the application."""
    for kind in (
        ProblemError,
        HTTPException,
        RequestValidationError,
        StoreError,
        ClientDisconnect,
    ):
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    return problem_of(request, error).response()


def problem_of(request: Request, error: Exception) -> ProblemError:
    """Return the problem that describes an error."""
    problem = ProblemError(500, "the collector failed: see its log")
    match error:
        case ProblemError():
            problem = error
        case RequestValidationError():
            problem = invalid_parameters(error.errors())
        case ClientDisconnect():
            problem = ProblemError(400, "the client disconnected")
        case StoreError():
            log_store_error(error)
            problem = ProblemError(503, str(error), headers={"retry-after": str(RETRY_AFTER)})
        case HTTPException():
            detail = f"{request.method} {request.url.path}: {error.detail}"
            problem = ProblemError(error.status_code, detail, headers=error.headers)
        case _:
            pass
    return problem


def invalid_parameters(errors: Any, *, status: int = 422) -> ProblemError:
    """Return the problem for pydantic's errors, each with the name of its parameter.

    Args:
        errors: The errors.
        status: 409 if each parameter is valid, but not together with the others.
    """
    listed = [
        {
            "parameter": ".".join(str(part) for part in error["loc"] if part not in _PLACES),
            "detail": error["msg"].removeprefix("Value error, "),
        }
        for error in errors
    ]
    detail = "; ".join(f"{each['parameter']}: {each['detail']}" for each in listed)
    return ProblemError(status, detail, errors=listed)


_PLACES: Final = frozenset({"query", "path", "body"})
