from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.capture.path_masking import masked_path
from sqreen_mw.scrubbing.mask import MASK

ID = UUID("12345678-1234-5678-1234-567812345678")


def masked(
    path: str, route: str | None = None, *, routed: str | None = None, **parameters: Any
) -> str:
    """Mask the parameters of a path whose names end with ``token``."""
    return masked_path(
        path,
        route=route,
        routed=routed,
        parameters=parameters,
        is_sensitive=lambda name: name.endswith("token"),
    )


@pytest.mark.parametrize(
    ("path", "route", "parameters"),
    [
        ("/reset/abc/abcd", None, {"token": "abc"}),
        (f"/reset/{ID.hex.upper()}/abcd", "/reset/{token:uuid}/{name}", {"token": ID, "name": "a"}),
        ("/reset/0042/abcd", "/reset/<int:token>/abcd", {"token": 42}),
        ("/reset/0042/abcd", "/<any('a,b', reset):what>/<token>/abcd", {"token": 42}),
        ("/reset/x/abcd", "reset/<str:token>/abcd", {"token": "x"}),
    ],
)
def test_a_sensitive_parameter_is_masked(
    path: str, route: str | None, parameters: dict[str, Any]
) -> None:
    """A secret goes where the template has it, or where its text is a whole segment."""
    assert masked(path, route, **parameters) == f"/reset/{MASK}/abcd"


@pytest.mark.parametrize("prefix", ["", "/app", "/v1/app"])
def test_a_mount_is_no_part_of_the_template(prefix: str) -> None:
    """Where the template begins within the path, the secret is found all the same."""
    path = f"{prefix}/reset/0042"

    told = masked(path, "/reset/<token>", routed="/reset/0042", token=42)

    assert told == f"{prefix}/reset/{MASK}"


def test_a_secret_that_is_not_found_masks_the_path() -> None:
    """Where a secret's place is not known, nothing of the path is told."""
    assert masked("/reset/0042", token=42) == MASK
    assert masked("/reset/0042", r"^reset/(?P<token>\d+)$", token=42) == MASK
    assert masked("/other", "/reset/{token}", token="abc") == MASK
    assert masked("/other", "/reset/{token}", token="") == "/other"
    assert masked("/abc/x/def", r"^(?P<token>\w+)/x/(?P<token>\w+)", token="def") == MASK


@pytest.mark.parametrize("value", ["", None, False])
def test_a_parameter_without_a_value_takes_nothing_away(value: object) -> None:
    """An empty parameter, or a switch, masks nothing."""
    assert masked("/reset//x", "/reset/<other>", token=value) == "/reset//x"


def test_a_path_without_secrets_stays() -> None:
    """Parameters of harmless names change nothing."""
    assert masked("/items/7", "/items/{id}", id=7) == "/items/7"


@pytest.mark.parametrize(
    ("path", "route", "told"),
    [
        ("/a/abc-def-5", "/a/{token}-{n}", f"/a/{MASK}"),
        ("/a/x-abc-5.json", "/a/x-{token}.json", f"/a/x-{MASK}.json"),
        ("/p/a/go/b/go/4", "/p/{token:path}/go/{n}", f"/p/{MASK}/go/4"),
        ("/p/a/b/c", "/p/<path:rest>/<int:n>/<path:token>", f"/p/{MASK}"),
        ("/en/a/b/c", "/<lang>/<token:re:.*>/c", f"/en/{MASK}/c"),
        ("/r/a/b", '/r/<regex("[<a>(b)]/."):token>', f"/r/{MASK}"),
        ("/r/abc", "/r/<token:int>", f"/r/{MASK}"),
        ("/r/abc", "/r/<any(x, 'a b'):what>", "/r/abc"),
        ("/p//x", "/p/{token:path}/x", "/p//x"),
        ("/r/abc/", "/r/{token}", f"/r/{MASK}/"),
        ("/r/abc", "/r/<token>/", f"/r/{MASK}"),
        ("/r/abc/x", "/r/{token}", MASK),
        ("/r", "/r/x/y/{token:path}", MASK),
        ("/abc/x", "^(?P<token>[a-z]+)/x$", MASK),
        ("/abc/x", "/<token>/(?P<name>[a-z])$", MASK),
        ("/abc/x", "^(?P<name>[a-z]+)/x$", "/abc/x"),
        ("/\0/x", "/\0/{id}", "/\0/x"),
        ("/\0/x", "/\0/{token}", MASK),
    ],
)
def test_a_template_says_where_secrets_are(path: str, route: str, told: str) -> None:
    """No value is needed, as an app may take it away; what is uncertain is masked as well."""
    assert masked(path, route) == told


def test_a_regular_expressions_secret_is_found_as_text() -> None:
    """Its groups and placeholders give names, and parameters beside them count as well."""
    both = r"/a/<token>/(?P<id>\d+)/$"

    assert masked("/a/abc/5/", both, token="abc", id="5") == f"/a/{MASK}/5/"
    assert masked("/a/abc/5/", r"^a/(\w+)/5/$", token="abc") == f"/a/{MASK}/5/"
    assert masked("/a/abc/5/", r"^a/(\w+)/5/$", token="none-yet") == MASK


def test_copies_of_a_secret_are_masked() -> None:
    """A secret is masked wherever it is a whole segment, and a long one anywhere."""
    assert (
        masked("/x/123/123/1234", "/x/{a}/{b}/{token}", token="123") == f"/x/{MASK}/{MASK}/{MASK}"
    )
    assert masked("/x-abcdef/abcdef", "/{a}/{token}", token="abcdef") == f"/x-{MASK}/{MASK}"


def test_a_default_is_not_in_the_path() -> None:
    """A parameter that the template does not have takes nothing away."""
    assert masked("/pages/", "/pages/", token="none-yet") == "/pages/"


def test_a_template_of_another_path_masks_it() -> None:
    """Where a middleware has given the router a path of its own, nothing is certain."""
    assert masked("/en/abc", "/{token}", routed="/abc") == f"/en/{MASK}"
    assert masked("/en/abc", "/{token}", routed="/fr/abc") == MASK


@given(st.text(), st.text(), st.text("/<>{}:at", max_size=30), st.text(min_size=1))
def test_no_text_of_a_secret_stays(before: str, after: str, route: str, secret: str) -> None:
    """Whatever the template, a secret of some length is gone, and nothing raises."""
    long = f"s3cr3t-{secret}-s3cr3t"

    assert long not in masked(f"/{before}{long}{after}", route, token=long)
