import pytest

from sqreen_mw.capture.ignore_paths import PathPatterns


def test_paths_are_exact_or_begin_so() -> None:
    """A plain path stands for itself, one with a star for all that begin so."""
    paths = PathPatterns(["/healthz", "/static/*"])

    assert "/healthz" in paths
    assert "/static/app.css" in paths
    assert "/healthz/" not in paths
    assert "/statics" not in paths
    assert "/" not in PathPatterns([])


def test_equal_paths_are_equal() -> None:
    """Sets of paths compare by their patterns."""
    assert PathPatterns(["/a", "/b*"]) == PathPatterns(["/b*", "/a"])
    assert hash(PathPatterns(["/a"])) == hash(PathPatterns(["/a"]))
    assert PathPatterns(["/a"]) != PathPatterns(["/b"])


def test_a_path_begins_with_a_slash() -> None:
    """What can't be a path is refused by its text."""
    with pytest.raises(ValueError, match="not 'healthz'"):
        PathPatterns(["healthz"])
