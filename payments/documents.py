"""Documents as answers."""

from django.http import HttpResponse

from .models import Invoice


def pdf_response(document: Invoice) -> HttpResponse:
    """The PDF as it was written, under its number."""
    response = HttpResponse(bytes(document.pdf), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{document.label}.pdf"'
    return response
