"""Rows as text: JSON, NDJSON (one object a line) and CSV (RFC 4180), cut off where the text gets too long."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from math import isfinite

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from dropscore.aws.objects import Bucket
from dropscore.domain.key_text import readable_text
from dropscore.domain.window import TooWide, Window
from dropscore.files.pages import Page, Pages

LINE_END = "\r\n"
"""What ends a line of CSV; JSON's rows are parted by one character."""

MISSING = "null"
_SPECIAL = frozenset('",\r\n')


@dataclass(frozen=True)
class Text:
    """Rows as text.

    Attributes
    ----------
    rows
        One text each, without what parts it from the next.
    end
        The place in the object that the next page begins at; None where nothing follows.
    """

    rows: Sequence[str]
    end: int | None


class Rows:
    """The rows of a bucket's objects, a page at a time, each cut to `most_bytes` of text.

    Raises
    ------
    TooWide
        Not even one row fits.
    BadPosition, UnknownColumn, TooWide, ServiceBusy
        As `Pages.page` does.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._pages = Pages(bucket)

    def json(self, key: str, rows: int, window: Window, most_bytes: int) -> Text:
        """A page as JSON objects."""
        return json_rows(self._pages.page(key, rows, window), most_bytes)

    def csv(self, key: str, rows: int, window: Window, most_bytes: int) -> Text:
        """A page as lines of CSV, the header first."""
        return csv_rows(self._pages.page(key, rows, window), most_bytes)

    def spreadsheet(self, key: str, rows: int, window: Window, most_bytes: int) -> Text:
        """A page as CSV in which no text is a formula to a spreadsheet."""
        return csv_rows(self._pages.page(key, rows, window), most_bytes, _no_formula)


def json_rows(page: Page, most_bytes: int) -> Text:
    """The page's first rows as JSON objects, at most so many bytes of them.

    Numbers are in their shortest exact form; what JSON has no number for is null.
    """
    names = [encode_basestring_ascii(name).replace("%", "%%") for name in page.columns]
    template = "{" + ",".join(f"{name}:%s" for name in names) + "}"
    rows = _cut((template % row for row in _cells(page, encode_basestring_ascii, MISSING)), most_bytes, 1)
    return Text(rows, page.after(len(rows)))


def csv_rows(page: Page, most_bytes: int, written: Callable[[str], str] = str) -> Text:
    """The page's header and first rows as CSV, at most so many bytes of them.

    What is null is empty; an empty text is two quotes. `written` says how a text is written.
    """

    def field(text: str) -> str:
        return _field(written(text))

    header = ",".join(map(field, page.columns))
    left = most_bytes - len(header.encode()) - len(LINE_END)
    rows = _cut(map(",".join, _cells(page, field, "")), left, len(LINE_END))
    return Text([header, *rows], page.after(len(rows)))


def _cut(rows: Iterable[str], most_bytes: int, between: int) -> list[str]:
    """The first rows that fit, `between` bytes after each.

    Raises
    ------
    TooWide
        Not even one does.
    """
    kept: list[str] = []
    left = most_bytes
    for row in rows:
        size = (len(row) if row.isascii() else len(row.encode())) + between
        if size > left:
            if kept:
                break
            raise TooWide(
                f"these columns of the page's first row take up {size} bytes, an answer holds {most_bytes}: "
                "name fewer, or download the file"
            )
        left -= size
        kept.append(row)
    return kept


def _cells(page: Page, quoted: Callable[[str], str], missing: str) -> Iterator[tuple[str, ...]]:
    """Row by row, every value as text."""
    for batch in page.batches:
        columns = [_texts(batch.column(name), quoted, missing, page) for name in page.columns]
        yield from zip(*columns, strict=True)


def _texts(column: pa.Array, quoted: Callable[[str], str], missing: str, page: Page) -> Sequence[str]:
    if pt.is_dictionary(column.type):
        return _words(column, quoted, missing)
    if pt.is_timestamp(column.type):
        shown = pc.replace_substring(column.cast(pa.string()), " ", "T", max_replacements=1)
        end = "Z" if page.zoned else ""
        return [missing if stamp is None else quoted(stamp + end) for stamp in shown.to_pylist()]
    if pt.is_floating(column.type):
        return [_number(value, missing) for value in column.to_pylist()]
    if pt.is_integer(column.type):
        return [missing if value is None else str(value) for value in column.to_pylist()]
    return [missing if value is None else quoted(value) for value in readable_text(column)]


def _words(column: pa.DictionaryArray, quoted: Callable[[str], str], missing: str) -> Sequence[str]:
    """The texts of a column that has each of its words once; the dictionary may have more than are used."""
    used = column.indices.dictionary_encode()
    words = column.dictionary.take(used.dictionary)
    texts = [missing if word is None else quoted(word) for word in readable_text(words)]
    return [missing if place is None else texts[place] for place in used.indices.to_pylist()]


def _number(value: float | None, missing: str) -> str:
    return missing if value is None or not isfinite(value) else repr(value)


def _no_formula(text: str) -> str:
    """A text that a spreadsheet takes for one: what begins a formula is quoted (OWASP, "CSV Injection")."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text


def _field(text: str) -> str:
    """A text as a field of CSV: in quotes where it needs them, and where it is empty, unlike what is null."""
    if text and _SPECIAL.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""') + '"'
