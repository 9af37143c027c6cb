"""Copies of objects that the SDK puts into the app's own structures."""

from typing import Self


class SameWhenCopied:
    """An object that ``copy`` and ``deepcopy`` return unchanged.

    Apps and frameworks copy scopes, environs and requests, with the objects of ours in them.
    """

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self
