from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.capture.path_masking import masked_path
from sqreen_mw.protocol.mask import MASK

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
def test_sensitive_parameter_is_masked(
    path: str, route: str | None, parameters: dict[str, Any]
) -> None:
    """A secret is masked at its position in the template, or as a whole segment."""
    assert masked(path, route, **parameters) == f"/reset/{MASK}/abcd"


@pytest.mark.parametrize("prefix", ["", "/app", "/v1/app"])
def test_mount_is_not_part_of_the_template(prefix: str) -> None:
    """A secret is also found if the template describes only the end of the path."""
    path = f"{prefix}/reset/0042"

    shown = masked(path, "/reset/<token>", routed="/reset/0042", token=42)

    assert shown == f"{prefix}/reset/{MASK}"


def test_missing_secret_masks_the_path() -> None:
    """If the position of a secret is unknown, the whole path is masked."""
    assert masked("/reset/0042", token=42) == MASK
    assert masked("/reset/0042", r"^reset/(?P<token>\d+)$", token=42) == MASK
    assert masked("/other", "/reset/{token}", token="abc") == MASK
    assert masked("/other", "/reset/{token}", token="") == "/other"
    assert masked("/abc/x/def", r"^(?P<token>\w+)/x/(?P<token>\w+)", token="def") == MASK


@pytest.mark.parametrize("value", ["", None, False])
def test_empty_parameter_masks_nothing(value: object) -> None:
    """An empty or boolean parameter masks nothing."""
    assert masked("/reset//x", "/reset/<other>", token=value) == "/reset//x"


def test_path_without_secrets_is_unchanged() -> None:
    """Parameters with harmless names change nothing."""
    assert masked("/items/7", "/items/{id}", id=7) == "/items/7"


@pytest.mark.parametrize(
    ("path", "route", "shown"),
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
def test_template_gives_the_positions_of_secrets(path: str, route: str, shown: str) -> None:
    """No value is needed, because an app can remove it; uncertain text is masked too."""
    assert masked(path, route) == shown


def test_secret_of_a_regular_expression_is_found_as_text() -> None:
    """Groups and placeholders give the names, and other parameters count too."""
    both = r"/a/<token>/(?P<id>\d+)/$"

    assert masked("/a/abc/5/", both, token="abc", id="5") == f"/a/{MASK}/5/"
    assert masked("/a/abc/5/", r"^a/(\w+)/5/$", token="abc") == f"/a/{MASK}/5/"
    assert masked("/a/abc/5/", r"^a/(\w+)/5/$", token="none-yet") == MASK


def test_copies_of_a_secret_are_masked() -> None:
    """A secret is masked as a whole segment, and a long one anywhere."""
    assert (
        masked("/x/123/123/1234", "/x/{a}/{b}/{token}", token="123") == f"/x/{MASK}/{MASK}/{MASK}"
    )
    assert masked("/x-abcdef/abcdef", "/{a}/{token}", token="abcdef") == f"/x-{MASK}/{MASK}"


def test_default_is_not_in_the_path() -> None:
    """A parameter that is not in the template masks nothing."""
    assert masked("/pages/", "/pages/", token="none-yet") == "/pages/"


def test_template_of_another_path_masks_the_path() -> None:
    """If a middleware changed the router's path, the whole path is masked."""
    assert masked("/en/abc", "/{token}", routed="/abc") == f"/en/{MASK}"
    assert masked("/en/abc", "/{token}", routed="/fr/abc") == MASK


@given(st.text(), st.text(), st.text("/<>{}:at", max_size=30), st.text(min_size=1))
def test_no_text_of_a_secret_is_kept(before: str, after: str, route: str, secret: str) -> None:
    """A long secret is masked with any template, and nothing raises."""
    long = f"s3cr3t-{secret}-s3cr3t"

    assert long not in masked(f"/{before}{long}{after}", route, token=long)
