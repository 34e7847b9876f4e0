"""Pages of a list: `{"results": […], "next": url, "previous": url}`."""

from typing import Any

from rest_framework.pagination import BasePagination, PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class Pages(PageNumberPagination):
    """`?page=` and `?page_size=` (at most 100)."""

    page_size_query_param = "page_size"
    max_page_size = 100

    def get_paginated_response(self, data: Any) -> Response:
        return Response(listing(data, following=self.get_next_link(), previous=self.get_previous_link()))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return listing_schema(schema)


class WholeList(BasePagination):
    """All on one page, for lists that belong together."""

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        return list(queryset)

    def get_paginated_response(self, data: Any) -> Response:
        return Response(listing(data))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return listing_schema(schema)


def listing(results: Any, *, following: str | None = None, previous: str | None = None) -> dict[str, Any]:
    return {"results": results, "next": following, "previous": previous}


def listing_schema(results: dict[str, Any]) -> dict[str, Any]:
    url = {"type": ["string", "null"], "format": "uri"}
    properties = {"results": results, "next": url, "previous": url}
    return {"type": "object", "required": list(properties), "properties": properties}
