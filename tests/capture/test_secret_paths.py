from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.capture.secret_paths import masked_path
from sqreen_mw.scrubbing.mask import MASK

ID = UUID("12345678-1234-5678-1234-567812345678")


def masked(path: str, route: str | None = None, **parameters: Any) -> str:
    """Mask the parameters of a path whose names end with ``token``."""
    return masked_path(
        path,
        route=route,
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
    assert masked(f"{prefix}/reset/0042", "/reset/<token>", token=42) == f"{prefix}/reset/{MASK}"


def test_a_secret_that_is_not_found_masks_the_path() -> None:
    """Where a secret's place is not known, nothing of the path is told."""
    assert masked("/reset/0042", r"^reset/(?P<token>\d+)$", token=42) == MASK
    assert masked("/other", "/reset/{token}", token="abc") == MASK


@pytest.mark.parametrize("value", ["", None, False])
def test_a_parameter_without_a_value_takes_nothing_away(value: object) -> None:
    """An empty parameter, or a switch, masks nothing."""
    assert masked("/reset//x", "/reset/<other>", token=value) == "/reset//x"


def test_a_path_without_secrets_stays() -> None:
    """Parameters of harmless names change nothing."""
    assert masked("/items/7", "/items/{id}", id=7) == "/items/7"


@given(st.text(), st.text(), st.text("/<>{}:at", max_size=30), st.text(min_size=1))
def test_no_text_of_a_secret_stays(before: str, after: str, route: str, secret: str) -> None:
    """Whatever the template, a secret of some length is gone, and nothing raises."""
    long = f"s3cr3t-{secret}-s3cr3t"

    assert long not in masked(f"/{before}{long}{after}", route, token=long)
