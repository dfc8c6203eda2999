"""Print the same paper twice: by replay, without fallback, and by plain WeasyPrint."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from PIL import Image, ImageDraw
from weasyprint import DEFAULT_OPTIONS, HTML

from logistics.documents import rendering, replay
from logistics.documents.paper_tags import TemplatePaper
from logistics.documents.replay import markup

MARK = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="24" viewBox="0 0 40 24">'
    '<rect width="40" height="24" fill="#0b3c5d"/><path d="M4 20 20 4 36 20z" fill="#fff"/></svg>'
)


def printed(template: str, context: Mapping[str, Any], *, replayed: bool) -> bytes:
    """Print a paper in one of the two ways. Raises Refused if replay cannot."""
    paper = TemplatePaper(languages=("en", "fr"), context=context)
    html = rendering._html(template, paper)
    sheets = [rendering._stylesheet(name) for name in paper.stylesheets]

    def lay_out(html: str) -> Any:
        page = HTML(string=html, url_fetcher=rendering.AssetFetcher())
        return page.render(font_config=rendering._font_configuration(), stylesheets=sheets, cache={})

    sources = [rendering._engine().get_template(name).source for name in paper.stylesheets]
    document = replay.lay_out_strictly(markup.find(html), sources, lay_out=lay_out) if replayed else lay_out(html)
    pdf: bytes = document.write_pdf(**{**DEFAULT_OPTIONS, "pdf_variant": rendering.VARIANT})
    return pdf


@contextmanager
def papers_of_our_own(sources: Mapping[str, str], assets: Path) -> Iterator[None]:
    """Add these templates to the real engine, and let papers use mark.svg and mark.png in this folder."""
    (assets / "mark.svg").write_text(MARK)
    picture = Image.new("RGB", (60, 40), "#eaf0f4")
    ImageDraw.Draw(picture).ellipse((8, 4, 52, 36), fill="#a3341f")
    picture.save(assets / "mark.png")
    loaders: Sequence[Any] = [
        ("django.template.loaders.locmem.Loader", sources),
        "django.template.loaders.app_directories.Loader",
    ]
    engine = rendering.engine(list(loaders))
    rendering._stylesheet.cache_clear()
    with patch.object(rendering, "_engine", lambda: engine), patch.object(rendering, "ASSETS", assets):
        yield
    rendering._stylesheet.cache_clear()


def template(body: str, style: str) -> dict[str, str]:
    """Return the templates of one paper, "paper.html", based on the real base template."""
    return {
        "paper.html": '{% extends "documents/base.html" %}{% block kind %}Paper{% endblock %}'
        '{% block style %}{% styled_by "paper.css" %}{% endblock %}{% block content %}' + body + "{% endblock %}",
        "paper.css": style,
    }
