"""What looks like a secret in any text: credentials, tokens, mail addresses, and names of people in paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

HIDDEN = "[hidden]"
_HIDDEN_ALREADY = HIDDEN[:-1]

_KEY = (
    r"(?:passwords?|passwd|passphrase|passcode|pwd|secrets?|token|credentials?|authorization"
    r"|api[ _-]?key|(?:access|private|signing|secret)[_-]?key|session[_-]?id"
    r"|(?<![a-z])(?:o?auth|pin|otp))(?:[_-][\w-]{0,40}|\d{1,3})?(?![^\W_])"
)
"""How a name ends that says secret: `DISCORD_TOKEN`, `apiKey`, `secret_key_base`; not `author`, `tokens`."""

_KEY_VALUE = re.compile(
    rf"(?i){_KEY}[\"']?\s*[:=]\s*(?:(?:bearer|basic|bot|digest|token)\s+)?"
    r"(?:\"([^\"\n]+)\"?|'([^'\n]+)'?|(?!(?:bearer|basic|bot|digest)\s)([^\s\"',;&(){}\[\]<>]{2,}))"
)
_COOKIE = re.compile(r"(?i)\bcookie[\"']?\s*[:=]\s*[\"']?([^\n\"']{2,})")
_CODE_KEY_VALUE = re.compile(
    rf"(?i){_KEY}[\"']?\]?\s*(?::\s*[\w\[\], |.]{{1,60}})?[:=!]=?\s*[bfru]{{0,2}}(?:\"([^\"\n]+)\"?|'([^'\n]+)'?)"
)
_CODE_TEXT_VALUE = re.compile(rf"(?i){_KEY}[:=]\s*(?=\D{{0,40}}\d)([\w+/-]{{6,}})(?![\w(.\[])")
"""`token=abc123` within a literal; it takes a variable of that name along."""
_LITERAL = re.compile(
    r"[\"'](?=[^\"'\s]{0,200}\d)(?=[^\"'\s]{0,200}[A-Z])(?=[^\"'\s]{0,200}[a-z])([\w+/=.:-]{24,})[\"']?"
)
"""A long string literal of letters of both cases and digits."""

_SCHEME = r"\b[a-z][a-z0-9+.-]{0,20}://"
_USER_INFO = re.compile(
    rf"(?i){_SCHEME}(?:"
    r"([^\s/:@\"'<>]*:(?!\d{1,5}[/?#])[^\s?#\"'<>]*)@"  # up to the last `@`: passwords contain `@` and `/`
    r"|([^\s/:@\"'<>]*:(?!\d{1,5}[/?#])[^\s\"'<>]*)@"  # and `#` and `?`
    r"|([^\s/?#\"'<>]+)@)"
)
_QUERY = re.compile(rf"(?i){_SCHEME}[^\s\"'<>?#]*[?#]([^\s\"'<>)\]]+)")
_URL = re.compile(rf"(?i){_SCHEME}[^\s\"'<>?#]+")
_PATH_TOKEN = re.compile(r"(?:webhooks|interactions)/\d+/([\w-]+)|/(bot\d+:[\w-]+)")
_PATH_SEGMENT = re.compile(r"(?i)(?<=/)(?=[\w:%~-]*\d)(?=[\w:%~-]*[a-z])[\w:%~-]{20,}")
"""A long part of a URL's path with letters and digits."""
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_HOME = re.compile(
    r"(?<![\w.~-])(?:/(?:home|Users)/[^\s/\\\"':,;)\]]+"
    r"|[A-Za-z]:(?:\\\\?|/)Users(?:\\\\?|/)(?:[^\\/:*?\"'<>|\r\n]+(?=[\\/])|[^\\/:*?\"'<>|\s]+))"
)
_TOKENS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-[\w-]{10,}|[sprw][khs]_(?:live|test)_\w{8,}|whsec_\w{8,}"
    r"|gh[pousr]_\w{10,}|github_pat_\w{10,}|gl[a-z]{2,4}-[\w-]{10,}"
    r"|xox[a-z]-[\w-]{8,}|xapp-[\w-]{8,}"
    r"|A[KS]IA[0-9A-Z]{12,}|AIza[\w-]{20,}|ya29\.[\w-]{10,}"
    r"|(?:npm|hf|dop_v1|pplx|gsk)_\w{16,}|pypi-[\w-]{16,}|SG\.[\w-]{10,}\.[\w-]{10,}"
    r"|eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?"  # JSON Web Tokens
    r"|mfa\.[\w-]{20,}|[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"  # Discord's
    r")"
)
_BEARER = re.compile(r"(?i)\b(?:bearer|basic)\s+(?=[^\s\"',]*\d|[^\s\"',]{16})([\w.~+/=-]{6,})")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*-----|$)")


class Span(NamedTuple):
    """A part of a text, and what stands in its place where it is kept."""

    start: int
    end: int
    instead: str = HIDDEN


def secret_spans(text: str, *, is_code: bool = False) -> list[Span]:
    """The parts of a text that look secret; they may overlap, and then the first says what stands instead.

    Of URLs the scheme, the host and the plain parts of the path are kept. A home folder becomes `~`.

    Args:
        text: of at most some thousand characters: the work grows with it.
        is_code: it is a line of Python, where only string literals hold secrets: `token = load()` holds none.
    """
    spans: list[Span] = []
    if "://" in text:
        spans += _groups(_USER_INFO, text)
        for span in spans:  # nothing in it ends the URL, nor begins a mail address
            text = text[: span.start] + "|" * (span.end - span.start) + text[span.end :]
    if "/" in text or "\\" in text:
        spans += _in_paths(text)
    if "PRIVATE KEY" in text:
        spans += _groups(_PRIVATE_KEY, text)
    spans += _groups(_TOKENS, text)
    if "@" in text:
        spans += _groups(_MAIL, text)
    if is_code:
        spans += _groups(_CODE_KEY_VALUE, text)
        spans += _groups(_CODE_TEXT_VALUE, text)
        spans += _groups(_LITERAL, text)
    elif ":" in text or "=" in text:
        spans += _groups(_KEY_VALUE, text)
        spans += _groups(_COOKIE, text)
    if " " in text:
        spans += _groups(_BEARER, text)
    return spans


def _in_paths(text: str) -> Iterator[Span]:
    """Those in URLs, in parts of them, and in the names of files."""
    yield from _groups(_QUERY, text)
    for url in _URL.finditer(text):
        yield from _groups(_PATH_SEGMENT, text, *url.span())
    yield from _groups(_PATH_TOKEN, text)
    for found in _HOME.finditer(text):
        yield Span(*found.span(), "~")


def hide_secrets(text: str) -> str:
    """The text with everything that looks secret taken out."""
    return replaced(text, secret_spans(text))


def replaced(text: str, spans: list[Span], end: int | None = None) -> str:
    """The text up to `end` with the spans replaced; those that overlap or touch become one."""
    spans = sorted((s for s in spans if end is None or s.start < end), key=lambda span: (span.start, -span.end))
    pieces: list[str] = []
    kept = 0
    for span in spans:
        if span.start >= kept:
            between = text[kept : span.start]
            if not (pieces and pieces[-1] == span.instead == HIDDEN and not between.strip()):
                pieces += between, span.instead
        kept = max(kept, span.end)
    pieces.append(text[kept:end] if end is None or kept < end else "")
    return "".join(pieces)


def _groups(pattern: re.Pattern[str], text: str, start: int = 0, end: int | None = None) -> Iterator[Span]:
    """What each match holds in its group; in all if it has none. What is hidden already stays as it is."""
    for found in pattern.finditer(text, start, len(text) if end is None else end):
        group = found.lastindex or 0
        if not text.startswith(_HIDDEN_ALREADY, found.start(group)):
            yield Span(*found.span(group))
