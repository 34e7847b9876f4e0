"""What the API says about itself, and what it says where there is nothing."""

from typing import Any, NoReturn

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView


class NothingHere(APIView):
    """Every path under /api/ that is no resource."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotFound(_("There is nothing at this address. Addresses of the API end with a slash."))


class SchemaView(SpectacularAPIView):
    """The OpenAPI 3.1 document, as YAML or with `?format=json` as JSON."""


# Swagger UI styles its parts inline; scripts stay ours alone.
@method_decorator(csp_update({"style-src": ["'unsafe-inline'"]}), name="dispatch")
class ApiDocsView(SpectacularSwaggerSplitView):
    """The API to read and try."""

    url_name = "api-schema"
