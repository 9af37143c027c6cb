import pytest

from sqreen_mw.capture.ignore_paths import PathPatterns


def test_patterns_are_exact_or_prefixes() -> None:
    """A plain path matches itself; a path with a star is a prefix."""
    paths = PathPatterns(["/healthz", "/static/*"])

    assert "/healthz" in paths
    assert "/static/app.css" in paths
    assert "/healthz/" not in paths
    assert "/statics" not in paths
    assert "/" not in PathPatterns([])


def test_equal_patterns_are_equal() -> None:
    """Sets of paths compare by their patterns."""
    assert PathPatterns(["/a", "/b*"]) == PathPatterns(["/b*", "/a"])
    assert hash(PathPatterns(["/a"])) == hash(PathPatterns(["/a"]))
    assert PathPatterns(["/a"]) != PathPatterns(["/b"])


def test_pattern_begins_with_a_slash() -> None:
    """The error contains the wrong text."""
    with pytest.raises(ValueError, match="not 'healthz'"):
        PathPatterns(["healthz"])
