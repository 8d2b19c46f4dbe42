"""Writes the page: the templates of assets/, filled, under a policy that allows its own scripts and nothing else."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

from srlab import before_after
from srlab.atomic_write import write_text
from srlab.labels import printable
from srlab.results_page.about import commands, protocol_text
from srlab.results_page.embedded import embedded_png
from srlab.results_page.pictures import Place, Reader, chosen_pictures
from srlab.results_page.rows import Results, read_results, set_title
from srlab.results_page.table_html import table_section, text
from srlab.results_page.tables import methods_tables
from srlab.results_page.viewer_data import viewer_json

SCRIPTS = ("tables.js", "layers.js", "viewer.js")
BUDGET = 25_000_000
NAMED = 12  # images in the note on those that are left out


def write_page(
    results: Path,
    images: Path,
    hr: Reader,
    path: Path,
    figures: Sequence[Path] = (),
    budget: int = BUDGET,
) -> None:
    """Writes one HTML file that opens from a disk and asks no server for anything; the same bytes for the same input.

    Args:
        results: a results.json.
        images: the folder in which evaluate.py has saved images; methods without images there are only in the tables.
        hr: (set, scale, image) -> uint8 (H, W) or (H, W, 3), HR as the protocol crops it.
        path: of the page; what is there is replaced.
        figures: PNG files.
        budget: bytes that the viewer's images may take in the page; figures come on top.

    Raises:
        SrlabError: results.json, an image or a figure cannot be read, or does not fit the others.
        OSError: the page cannot be written.
    """
    content = read_results(results)
    places = chosen_pictures(content, images, hr, budget)
    data = viewer_json(places)
    drawn = [(_caption(figure), embedded_png(figure)) for figure in figures]
    write_text(path, _html(content, places, data, drawn))


def asset(name: str) -> str:
    """Returns the text of a file in assets/, such as page.css."""
    return (files("srlab.results_page") / "assets" / name).read_text(encoding="utf-8")


def _html(results: Results, places: Sequence[Place], data: str, figures: Sequence[tuple[str, str]]) -> str:
    style = before_after.asset(before_after.STYLE) + asset("page.css")
    scripts = [before_after.asset(before_after.SCRIPT), *map(asset, SCRIPTS)]
    shown = any(place.pictures for place in places)
    return Template(asset("page.html")).substitute(
        policy=_policy(style, scripts),
        style=style,
        about=_about(results),
        commands="\n".join(f"<pre><code>{text(command)}</code></pre>" for command in commands(results)),
        tables="\n".join(table_section(table, f"table-{i}") for i, table in enumerate(methods_tables(results), 1)),
        hidden="" if shown else " hidden",
        left_out=_left_out(places),
        figures=_figures(figures),
        data=data,
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def _policy(style: str, scripts: Sequence[str]) -> str:
    """Returns the Content-Security-Policy: scripts and style by their hashes, images within the page, no requests."""
    allowed = " ".join(map(_hash, scripts))
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data:; base-uri 'none'; "
        f"form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(code: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"


def _about(results: Results) -> str:
    names = sorted(dict.fromkeys(row.protocol for row in results.rows), key=lambda name: name != results.protocol)
    lines = [*map(protocol_text, names), *(f"{metric}: {about}." for metric, about in results.about.items())]
    return "\n".join(f"<p>{text(line)}</p>" for line in lines)


def _left_out(places: Sequence[Place]) -> str:
    lines = []
    for place in places:
        if place.waiting:
            names = ", ".join(map(printable, place.waiting[:NAMED])) + ", ..." * (len(place.waiting) > NAMED)
            total = len(place.waiting) + len(place.pictures)
            lines.append(f"{set_title(place.set)} ×{place.scale}: {len(place.waiting)} of {total} ({names})")
    if not lines:
        return ""
    return f"<p>Left out, to keep this page small: {text('; '.join(lines))}.</p>"


def _figures(figures: Sequence[tuple[str, str]]) -> str:
    if not figures:
        return ""
    shown = "\n".join(
        f'<figure><img src="{uri}" alt="{text(caption)}"><figcaption>{text(caption)}</figcaption></figure>'
        for caption, uri in figures
    )
    return (
        f'<section aria-labelledby="figures-title">\n<h2 id="figures-title">Figures</h2>\n'
        f'<div class="figures">\n{shown}\n</div>\n</section>'
    )


def _caption(figure: Path) -> str:
    return printable(figure.stem.replace("_", " "))
