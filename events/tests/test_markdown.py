import pytest

from events.markdown import render


def test_render_keeps_what_writing_needs() -> None:
    html = render("# Programme\n\n- *one*\n- [two](https://example.org)")

    link = '<a href="https://example.org" rel="nofollow noopener ugc">two</a>'
    assert html == f"<h3>Programme</h3>\n<ul>\n<li><em>one</em></li>\n<li>{link}</li>\n</ul>\n"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[press](javascript:alert(1))",
        "[press](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](https://example.org/pixel.png)",
        '<a href="https://example.org" onclick="alert(1)">x</a>',
    ],
)
def test_render_leaves_nothing_that_could_act(text: str) -> None:
    html = render(text)

    for start in ("<script", "<img", 'href="javascript', 'href="data', '<a href="https://example.org" onclick'):
        assert start not in html
