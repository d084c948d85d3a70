"""One self-contained HTML page: no script, no link, no file beside it.

On a narrow screen every row of a table becomes a block of `heading: value` lines, so that a page
never scrolls sideways.
"""

from collections.abc import Iterable, Sequence
from html import escape

EMPTY = "\N{EN DASH}"
"""How an empty cell is set."""

_STYLE = """
body { font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; color: #1f2328; background: #fff;
  max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.35rem; margin: 0 0 .5rem; }
h2 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; }
p { margin: .3rem 0 .7rem; max-width: 46rem; }
.note { color: #57606a; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem;
  border-bottom: 1px solid #d8dee4; }
th { border-bottom: 2px solid #57606a; font-weight: 600; vertical-align: bottom; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
ul { columns: 14rem; font-size: .9rem; padding-left: 1.2rem; }
td.words { min-width: 17rem; }
.many { font-size: .78rem; }
.many th, .many td { padding: .3rem; }
@media (max-width: 1150px) { .many th { overflow-wrap: anywhere; } }
.tag { display: inline-block; border-radius: .3rem; padding: 0 .4rem; margin-right: .3rem;
  border: 1px solid; font-size: .85em; white-space: nowrap; }
.good { color: #00573f; background: #e3f4ee; } .fair { color: #5c4400; background: #fdf3d8; }
.poor { color: #8a3200; background: #fdeadf; } .plain { color: #3d444d; background: #eef1f4; }
@media (max-width: 640px) {
  body { padding: .7rem; overflow-wrap: anywhere; }
  thead { display: none; }
  table, tbody, tr, td { display: block; width: auto; }
  tr { border: 1px solid #d8dee4; border-radius: .4rem; margin: .6rem 0; padding: .3rem .6rem; }
  td, td.number { display: flex; justify-content: space-between; gap: 1rem; border: 0;
    padding: .15rem 0; text-align: right; white-space: normal; }
  td::before { content: attr(data-label); color: #57606a; text-align: left; flex: 0 0 auto;
    max-width: 55%; }
  td:first-child { font-weight: 600; }
  .pairs td { text-align: left; }
  .pairs td::before { content: none; }
  .pairs td + td { overflow-wrap: anywhere; }
  td.words { display: block; text-align: left; min-width: 0; padding-top: .3rem; }
  td.words::before { display: block; content: none; }
}
"""


def page(title: str, body: Iterable[str]) -> str:
    """A page from parts of its body, which are HTML; `title` is text."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def heading(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str, note: bool = False) -> str:
    return f'<p class="note">{escape(text)}</p>' if note else f"<p>{escape(text)}</p>"


def items(texts: Iterable[str]) -> str:
    """A list of short texts, in as many columns as fit."""
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def tag(text: str, kind: str) -> str:
    """A short word in a coloured frame; kind: good, fair, poor or plain."""
    return f'<span class="tag {kind}">{escape(text)}</span>'


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    numbers: Iterable[str] = (),
    words: Iterable[str] = (),
    kind: str = "",
) -> str:
    """A table of cells that are HTML already (`cell` makes them).

    numbers: headings of columns set to the right. words: headings of columns of running text.
    kind: `pairs` for a name and a value per row, which need no headings on a narrow screen; `many`
    for more columns than a page has room for, set smaller.
    """
    classes = dict.fromkeys(numbers, "number") | dict.fromkeys(words, "words")
    attribute = {h: f' class="{classes[h]}"' if h in classes else "" for h in headings}
    head = "".join(f"<th{attribute[h]}>{escape(h)}</th>" for h in headings)
    lines = []
    for row in rows:
        cells = (
            f'<td data-label="{escape(h)}"{attribute[h]}><span>{value}</span></td>'
            for h, value in zip(headings, row, strict=True)
        )
        lines.append(f"<tr>{''.join(cells)}</tr>")
    head, body = f"<thead><tr>{head}</tr></thead>", "\n".join(lines)
    return f'<table class="{kind}">\n{head}\n<tbody>\n{body}\n</tbody>\n</table>'


def cell(value: object) -> str:
    """Text of a cell, escaped; line breaks are kept, nothing becomes a dash."""
    text = "" if value is None else str(value)
    return escape(text).replace("\n", "<br>") or EMPTY
