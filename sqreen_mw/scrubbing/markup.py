"""Masks named secrets in markup, pairs and command-line flags."""

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.secret_values import (
    is_placeholder,
    is_sentence,
    is_surely_secret,
    reads_as_prose,
)

_FLAG: Final = re.compile(r"(--(?<!\S--)([\w-]{1,64}+)[ \t]{1,8}+[\"']?)(?![\"'<$-])([^\s\"']++)")
_ELEMENT: Final = re.compile(
    r"(<(?:\w{1,40}:)?([\w.-]{1,80}+)(?:\s[^<>]{0,256})?>(?:<!\[CDATA\[)?)"
    r"([^<\]]*+(?:\](?!\]>)[^<\]]*+)*+)(?=\]\]>|</)"
)
_TAG_NAME: Final = re.compile(r"<(?:\w{1,40}+:)?([\w.-]{1,80}+)")
_FIELD: Final = re.compile(r"<[A-Za-z][^<>]{0,1024}?\svalue=[^<>]{0,1024}>?")
_NAMED: Final = re.compile(r"\s(?:name|key|id|type)=[\"']?([\w.\-\[\]]{1,80})", re.IGNORECASE)
_TITLED: Final = re.compile(r"\s(?:name|key)=[\"']?([\w.\-]{1,80})", re.IGNORECASE)
_BUTTON: Final = re.compile(r"\stype=[\"']?(?:submit|button|reset|checkbox|radio)", re.IGNORECASE)
_VALUE: Final = re.compile(r"(\svalue=)(?:\"([^\"<>]+)\"|'([^'<>]+)'|([^\s\"'<>]+))", re.IGNORECASE)
_PAIR: Final = (
    r"\s{0,8}b?([\"'])([\w-]{2,80}+)\2\s{0,8},\s{0,8}b?([\"']))((?:(?!\4)[^\\]|\\.){1,4096})(?=\4)"
)
# A pattern is fast if it begins with one certain character.
_PAIRS: Final = tuple(re.compile(rf"({bracket}{_PAIR}", re.DOTALL) for bracket in (r"\(", r"\["))
# {"name": "password", "value": "x"}, also in YAML.
_NAME_AND_VALUE: Final = re.compile(
    r"([nkfh](?<=\b.)(?:(?<=n)ame|(?<=k)ey|(?<=f)ield|(?<=h)eader)[\"'\\]{0,4}\s?[:=]\s?[\"'\\]{0,4}([\w.-]{1,80}+)"
    r"[\"'\\]{0,4}[ ]{0,32}[,\n]\s{0,32}[\"'\\]{0,4}value"
    r"[\"'\\]{0,4}\s?[:=]\s?[\"'\\]{0,4})([^\s\"'\\,}<>]+)"
)
_VALUE_SIGN: Final = re.compile(r"value[\"'\\]{0,4}\s?[:=]\s?[\"'\\]{0,4}[^\s\"'\\,}<>]")
_PROPERTY: Final = re.compile(r"(<key>([\w.-]{1,80})</key>\s{0,32}<string>)([^<]+)")
_FORM_DATA: Final = re.compile(
    r"(name=\"([^\"\r\n]{1,80})\"(?:\r?\n[^\r\n]{1,200}){0,3}\r?\n\r?\n)([^\r\n]+)"
)
_HEADER: Final = re.compile(r"(?:.*-)?(?:authorization|cookie)", re.IGNORECASE)

IsSensitive = Callable[[str], bool]


def mask_markup(text: str, is_sensitive: IsSensitive) -> str:
    """Return a text with the values of sensitive flags, elements, fields and pairs masked."""
    if "--" in text:
        text = _FLAG.sub(partial(_tagged, is_sensitive), text)
    if "</" in text and _has_sensitive_tag(text, is_sensitive):
        text = _ELEMENT.sub(partial(_element, is_sensitive), text)
        if "<key>" in text:
            text = _PROPERTY.sub(partial(_tagged, is_sensitive), text)
    if _VALUE_SIGN.search(text):
        text = _NAME_AND_VALUE.sub(partial(_tagged, is_sensitive), text)
    if "<" in text and "value=" in text:
        text = _FIELD.sub(partial(_field, is_sensitive), text)
    if 'name="' in text:
        text = _FORM_DATA.sub(partial(_tagged, is_sensitive), text)
    return _mask_pairs(text, is_sensitive) if _may_hold_pair(text) else text


def _may_hold_pair(text: str) -> bool:
    if "(" in text and ("('" in text or '("' in text or "(b" in text):
        return True
    return "[" in text and ('["' in text or "['" in text)


def _mask_pairs(text: str, is_sensitive: IsSensitive) -> str:
    for pair in _PAIRS:
        text = pair.sub(partial(_pair, is_sensitive), text)
    return text


def _has_sensitive_tag(text: str, is_sensitive: IsSensitive) -> bool:
    """Return whether a tag, or perhaps an attribute of one, has a sensitive name."""
    if "name=" in text or "key=" in text or "<key>" in text:
        return True
    return any(map(is_sensitive, set(_TAG_NAME.findall(text))))


def _tagged(is_sensitive: IsSensitive, match: re.Match[str]) -> str:
    name, value = match[2], match[3]
    if not is_sensitive(name) or is_placeholder(value) or is_sentence(value):
        return match[0]
    return match[0] if reads_as_prose(value, name) else match[1] + MASK


def _element(is_sensitive: IsSensitive, match: re.Match[str]) -> str:
    """Mask the text of ``<password>x</password>`` or ``<entry key="password">x</entry>``."""
    tag = match[1]
    if "name=" in tag or "key=" in tag:
        titles = _TITLED.findall(tag)
        if any(map(is_sensitive, titles)) and is_surely_secret(match[3]):
            return tag + MASK
    return _tagged(is_sensitive, match)


def _field(is_sensitive: IsSensitive, match: re.Match[str]) -> str:
    """Mask the value of a field such as ``<input name="password" value="x">``."""
    tag = match[0]
    if any(map(is_sensitive, _NAMED.findall(tag))) and not _BUTTON.search(tag):
        return _VALUE.sub(_in_field, tag)
    return tag


def _in_field(match: re.Match[str]) -> str:
    value = match[match.lastindex or 0]
    if is_placeholder(value) or is_sentence(value):
        return match[0]
    quote = '"' if match[2] else "'" if match[3] else ""
    return f"{match[1]}{quote}{MASK}{quote}"


def _pair(is_sensitive: IsSensitive, match: re.Match[str]) -> str:
    """Mask the second item of a pair such as ``('X-Api-Key', 'x')``."""
    name, value = match[3], match[5]
    if not is_sensitive(name) or is_placeholder(value) or is_sentence(value):
        return match[0]
    return match[1] + MASK if _HEADER.fullmatch(name) or is_surely_secret(value) else match[0]
