"""Descriptions written by organizers, as safe HTML."""

from typing import Final

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

TAGS: Final = {"p", "br", "em", "strong", "a", "ul", "ol", "li", "blockquote", "code", "pre", "hr", "h3", "h4", "h5", "h6"}

_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable("image")


def render(text: str) -> SafeString:
    """Turn Markdown into HTML that cannot act: no raw HTML, no pictures, no scripts; headings begin below the page's own."""
    tokens = _markdown.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    clean = nh3.clean(
        html, tags=TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"}, link_rel="nofollow noopener ugc"
    )
    return mark_safe(clean)  # noqa: S308 -- nh3 has let only the tags above through
