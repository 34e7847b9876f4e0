"""What holds for every answer."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class PrivateUnlessSaid:
    """Every page names its visitor in the app bar, and the API its caller: kept by no shared cache, and by no browser unasked.

    Views that know better say so themselves; static files pass by above.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        return response
