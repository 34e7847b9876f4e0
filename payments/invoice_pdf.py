"""An invoice or credit note as a PDF: the same bytes for the same facts."""

from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import getFont, registerFont, registerFontFamily
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from evently.templatetags.evently import money_exact

from .models import Invoice

FONTS: Final = Path(__file__).parent / "fonts"
REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"
# What the font in the file has no letters for: fonts that every reader brings along.
HANGUL, HAN = "HYSMyeongJo-Medium", "HeiseiKakuGo-W5"
INK, QUIET, LINE = colors.HexColor("#17212f"), colors.HexColor("#56657a"), colors.HexColor("#c9d3df")
WIDTH: Final = A4[0] - 40 * mm
MARGIN: Final = 20 * mm - 6  # a frame of ReportLab's has six points of padding

TEXT = ParagraphStyle("text", fontName=REGULAR, fontSize=9, leading=13, textColor=INK)
SMALL = ParagraphStyle("small", parent=TEXT, fontSize=8, leading=11, textColor=QUIET)
QUIET_TEXT = ParagraphStyle("quiet", parent=TEXT, textColor=QUIET)
STRONG = ParagraphStyle("strong", parent=TEXT, fontName=BOLD)
TITLE = ParagraphStyle("title", parent=STRONG, fontSize=16, leading=22)
NUMBER = ParagraphStyle("number", parent=TEXT, alignment=2)
TOTAL = ParagraphStyle("total", parent=STRONG, fontSize=11, leading=15, alignment=2)


def render(invoice: Invoice) -> bytes:
    """The document, in the invoice's language."""
    _load_fonts()
    file = BytesIO()
    with override(invoice.language):
        page = SimpleDocTemplate(
            file,
            pagesize=A4,
            leftMargin=MARGIN,
            rightMargin=MARGIN,
            topMargin=20 * mm,
            bottomMargin=22 * mm,
            title=f"{_title(invoice)} {invoice.label}",
            author=invoice.seller["name"],
            lang=invoice.language,
            invariant=1,
        )
        page.build(list(_story(invoice)), onFirstPage=_foot(invoice), onLaterPages=_foot(invoice))
    return file.getvalue()


def _title(invoice: Invoice) -> str:
    return _("Invoice") if invoice.kind == Invoice.Kind.INVOICE else _("Credit note")


def _story(invoice: Invoice) -> Iterator[Any]:
    seller, buyer = invoice.seller, invoice.buyer
    yield Paragraph(_text(seller["name"]), STRONG)
    yield Paragraph(_text(seller["address"]), SMALL)
    if seller["vat_id"]:
        yield Paragraph(_text(_("VAT id or tax number: %(id)s") % {"id": seller["vat_id"]}), SMALL)
    yield Spacer(0, 14 * mm)
    to = [Paragraph(_text(buyer["name"]), TEXT), Paragraph(_text(buyer["address"]), TEXT)]
    if buyer["vat_id"]:
        to.append(Paragraph(_text(_("VAT id: %(id)s") % {"id": buyer["vat_id"]}), TEXT))
    facts = [(_("Number"), invoice.label), (_("Date"), date_format(invoice.issued_on, "j F Y"))]
    if invoice.corrects:
        corrected = invoice.corrects
        facts.append((_("Credit note for"), f"{corrected.label}\n{date_format(corrected.issued_on, 'j F Y')}"))
    facts.append((_("Booking"), invoice.booking.reference))
    facts.append((_("Date of supply"), date_format(invoice.supplied_on, "j F Y")))
    rows = [[Paragraph(_text(name), QUIET_TEXT), Paragraph(_text(value), TEXT)] for name, value in facts]
    yield _table([[to, _table(rows, [32 * mm, 48 * mm])]], [WIDTH - 80 * mm, 80 * mm])
    yield Spacer(0, 12 * mm)
    yield Paragraph(_text(f"{_title(invoice)} {invoice.label}"), TITLE)
    yield Paragraph(_text(invoice.event.title), TEXT)
    yield Spacer(0, 4 * mm)
    yield _lines(invoice)
    yield Spacer(0, 4 * mm)
    yield Paragraph(_text(f"{_('Total')}  {_money(invoice.total_minor, invoice)}"), TOTAL)
    yield Spacer(0, 6 * mm)
    yield _taxes(invoice)
    yield Spacer(0, 6 * mm)
    paid = _("Paid in full.") if invoice.kind == Invoice.Kind.INVOICE else _("The amount goes back the way it was paid.")
    yield Paragraph(_text(paid), TEXT)
    if seller["note"]:
        yield Paragraph(_text(seller["note"]), SMALL)


def _lines(invoice: Invoice) -> Any:
    head = [_("What"), _("Quantity"), _("VAT"), _("Amount with VAT")]
    rows = [
        [
            Paragraph(_text(line["name"]), TEXT),
            Paragraph(_text(str(line["quantity"])), NUMBER),
            Paragraph(_percent(line["tax_rate"]), NUMBER),
            Paragraph(_text(_money(line["gross_minor"], invoice)), NUMBER),
        ]
        for line in invoice.lines
    ]
    return _ruled(head, rows, [WIDTH - 90 * mm, 25 * mm, 25 * mm, 40 * mm])


def _taxes(invoice: Invoice) -> Any:
    head = [_("VAT"), _("Net"), _("VAT amount"), _("With VAT")]
    rows = [
        [
            Paragraph(_percent(tax["tax_rate"]), TEXT),
            *(Paragraph(_text(_money(tax[name], invoice)), NUMBER) for name in ("net_minor", "tax_minor", "gross_minor")),
        ]
        for tax in invoice.taxes
    ]
    return _ruled(head, rows, [WIDTH - 120 * mm, 40 * mm, 40 * mm, 40 * mm])


def _ruled(head: list[str], rows: list[list[Any]], widths: list[float]) -> Any:
    titles = [
        Paragraph(_text(title), ParagraphStyle("head", parent=SMALL, alignment=0 if first else 2))
        for first, title in ((not nth, title) for nth, title in enumerate(head))
    ]
    rules = [("LINEBELOW", (0, 0), (-1, 0), 0.8, INK), ("LINEBELOW", (0, 1), (-1, -1), 0.4, LINE)]
    return _table([titles, *rows], widths, *rules, repeat=1)


def _table(rows: list[Any], widths: list[float], *rules: Any, repeat: int = 0) -> Any:
    plain = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (0, -1), 0),
        ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ]
    return Table(rows, colWidths=widths, style=TableStyle([*plain, *rules]), repeatRows=repeat, hAlign="LEFT")


def _foot(invoice: Invoice) -> Any:
    def draw(canvas: Any, page: Any) -> None:
        canvas.saveState()
        canvas.setFont(REGULAR, 8)
        canvas.setFillColor(QUIET)
        canvas.drawString(20 * mm, 12 * mm, invoice.label)
        canvas.drawRightString(A4[0] - 20 * mm, 12 * mm, _("Page %(number)d") % {"number": page.page})
        canvas.restoreState()

    return draw


def _money(minor: int, invoice: Invoice) -> str:
    return money_exact(minor, invoice.currency)


def _percent(rate: str) -> str:
    return f"{rate.rstrip('0').rstrip('.') if '.' in rate else rate} %"


def _text(words: str) -> str:
    """What people typed, as a paragraph's text: their signs are no markup, each in a font that has it, lines as they are."""
    letters = getFont(REGULAR).face.charToGlyph
    parts, last = [], ""
    for sign in words.replace("\r", ""):
        font = "" if ord(sign) in letters or sign.isspace() else HANGUL if "\uac00" <= sign <= "\ud7a3" else HAN
        if font != last:
            parts += ["</font>"] if last else []
            parts += [f'<font name="{font}">'] if font else []
            last = font
        parts.append("<br/>" if sign == "\n" else escape(sign))
    return "".join(parts) + ("</font>" if last else "")


@cache
def _load_fonts() -> None:
    for name in (REGULAR, BOLD):
        registerFont(TTFont(name, FONTS / f"{name}.ttf"))
    registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD)
    for name in (HANGUL, HAN):
        registerFont(UnicodeCIDFont(name))
