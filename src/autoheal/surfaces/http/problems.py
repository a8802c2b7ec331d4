"""Every error as an RFC 9457 problem: what went wrong, where, and whether to try again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from autoheal.domain.errors import AutohealError, NotSignedInError, RefusedError

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = "5"


class Problem(BaseModel):
    """RFC 9457; `rule` names the policy rule of a refusal, `errors` the wrong fields of a request."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str = ""
    rule: str | None = None
    errors: list[dict[str, str]] | None = Field(default=None)


RESPONSES: dict[int | str, dict[str, object]] = {
    status: {"description": "A problem", "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}}
    for status in ("422", "default")
}
"""What the API description says of errors."""


def respond(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The problem as a response; one that may pass tells when to try again."""
    again = {"Retry-After": RETRY_SECONDS} if problem.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=problem.status,
        headers={**again, **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def plain(status: int, detail: str, instance: str = "") -> Problem:
    """A problem that needs no more than its status and one sentence."""
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, instance=instance)


def install(api: FastAPI) -> None:
    """Answer every named error, unknown path, wrong method and wrong field with a problem."""
    api.add_exception_handler(AutohealError, _ours)
    api.add_exception_handler(HTTPException, _theirs)
    api.add_exception_handler(RequestValidationError, _wrong_fields)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, AutohealError):
        raise error
    rule = error.rule if isinstance(error, RefusedError) else None
    return respond(
        Problem(
            title=error.title,
            status=error.http_status,
            detail=str(error),
            instance=request.url.path,
            rule=rule,
        ),
        {"WWW-Authenticate": "Bearer"} if isinstance(error, NotSignedInError) else None,
    )


async def _theirs(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    return respond(plain(error.status_code, str(error.detail), request.url.path), error.headers)


async def _wrong_fields(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    errors = [{"field": _where(found["loc"]), "detail": str(found["msg"])} for found in error.errors()]
    detail = "; ".join(f"{found['field']}: {found['detail']}" for found in errors[:5])
    problem = plain(HTTPStatus.UNPROCESSABLE_ENTITY, detail, request.url.path)
    return respond(problem.model_copy(update={"errors": errors}))


def _where(location: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in location)
