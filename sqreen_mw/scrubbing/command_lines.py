"""Masks passwords in command lines, in files such as .netrc, and in sentences."""

import re
from typing import Final

from sqreen_mw.scrubbing.mask import MASK
from sqreen_mw.scrubbing.placeholders import is_placeholder
from sqreen_mw.scrubbing.prose import is_surely_secret

_OWN: Final = r"(?![${<-])"
_CURL: Final = re.compile(
    rf"((?:^|\s)(?:-u|--user|--proxy-user|-U)[\s=]?[\"']?[^\s:\"'/]{{1,128}}:){_OWN}[^\s\"']{{1,256}}"
)
_MYSQL: Final = re.compile(rf"(\bmysql\w{{0,16}}\s[^|;\n]{{0,256}}?\s-p){_OWN}[^\s\"']{{1,128}}")
_SSHPASS: Final = re.compile(rf"(\bsshpass\s{{1,4}}-p\s{{0,4}}[\"']?){_OWN}[^\s\"']{{1,128}}")
_REDIS: Final = re.compile(
    rf"(\bredis-cli\s(?:[^|;\n]{{0,256}}?\s)?-a\s{{1,4}}[\"']?){_OWN}[^\s\"']{{1,128}}"
)
_HTPASSWD: Final = re.compile(
    rf"(\bhtpasswd\s-\w*b\w*\s\S{{1,256}}\s\S{{1,128}}\s){_OWN}\S{{1,128}}"
)
_NET_USER: Final = re.compile(r"(\bnet user \S{1,128} )(?![/*<])\S{1,128}")
_FTP: Final = re.compile(r"(\bUSER \S{1,128}\r?\nPASS |^PASS (?=\S{1,128}\r\n))(?!<)\S{1,128}")
_NETRC: Final = re.compile(
    # The first letter comes first, because it rules out most positions quickly.
    r"([lmu](?<=\b[lmu])(?:(?<=m)(achine)\s{1,8}\S{1,128}\s{1,8}(?=login\b|user\b)[lu])?"
    r"(?:(?<=l)ogin|(?<=u)ser)\s{1,8}\S{1,128}\s{1,8}password\s{1,8})(\S{1,128})"
)
_WITH: Final = re.compile(
    r"([bmruwBMRUW](?<=\b.)(?i:(?:(?<=w)ith|(?<=u)sing)\s{1,4}(?:the\s{1,4})?password"
    r"|(?<=[bmr])(indpw|equirepass|asterauth))\s{1,8}[\"']?)([^\s\"']{1,128})"
)
_SENTENCE: Final = re.compile(
    r"([apstAPST](?<=\b.)(?i:(?<=p)ass(?:word|phrase|code)|(?<=s)ecret|(?<=t)oken"
    r"|(?:(?<=a)pi|(?<=a)ccess|(?<=p)rivate) key)()(?i:\s"
    r"(?:(?:for|of)\s(?:[\w@.'-]{1,64}\s){1,4}?(?:is|was)|(?:(?:is|was|has|been|now)\s){0,2}"
    r"(?:(?:changed|set|reset|updated)\s)?to):?\s[\"']?))([^\s\"']{1,128})"
)
_WORDS: Final = re.compile(
    r"(?:pass(?:word|phrase|code)|secret|token| key|bindpw|requirepass|masterauth)\s"
)
_MARKS: Final = (
    ("curl", _CURL),
    ("mysql", _MYSQL),
    ("sshpass", _SSHPASS),
    ("redis-cli", _REDIS),
    ("htpasswd", _HTPASSWD),
    ("net user", _NET_USER),
    ("pass ", _FTP),
)


def mask_commands(text: str, lower: str) -> str:
    """Return a text with the passwords of well-known commands masked."""
    for mark, pattern in _MARKS:
        if mark in lower:
            text = pattern.sub(rf"\1{MASK}", text)
    if _WORDS.search(lower):
        for pattern in (_NETRC, _WITH, _SENTENCE):
            text = pattern.sub(_after_words, text)
    return text


def _after_words(match: re.Match[str]) -> str:
    value = match[3].rstrip(".,;:!?")
    if is_placeholder(value) or not (match[2] or is_surely_secret(value)):
        return match[0]
    return match[1] + MASK + match[3][len(value) :]
