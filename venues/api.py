"""Venues and their seating plans as JSON."""

from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from evently.rest.media import RawJson
from evently.rest.schema import IDEMPOTENCY_KEY, IF_MATCH
from evently.rest.teams import TeamViewSet, check_may_edit

from .importing import import_seating_plan
from .models import SeatingPlan, Venue
from .serializers import (
    ImportReportSerializer,
    SeatingPlanSerializer,
    SeatingPlanWithLayoutSerializer,
    VenueSerializer,
    VenueWriteSerializer,
)

DRY_RUN = OpenApiParameter("dry_run", OpenApiTypes.BOOL, description="Only look what is in it.")
NAME = OpenApiParameter("name", OpenApiTypes.STR, description="The plan's name, if not the one in the file.")


@extend_schema(tags=["venues"])
@extend_schema_view(
    list=extend_schema(operation_id="list_venues", summary="Venues by name"),
    retrieve=extend_schema(operation_id="show_venue", summary="A venue", parameters=[]),
    create=extend_schema(
        operation_id="create_venue",
        summary="Make a venue",
        parameters=[IDEMPOTENCY_KEY],
        request=VenueWriteSerializer,
        responses={201: VenueSerializer},
    ),
    partial_update=extend_schema(
        operation_id="change_venue",
        summary="Change a venue",
        parameters=[IF_MATCH],
        request=VenueWriteSerializer,
        responses=VenueSerializer,
    ),
    destroy=extend_schema(operation_id="delete_venue", summary="Delete a venue without events", parameters=[IF_MATCH]),
)
class VenueViewSet(TeamViewSet[Venue]):
    serializer_class = VenueSerializer
    write_serializer_class = VenueWriteSerializer
    queryset = Venue.objects.order_by("name", "pk")


@extend_schema(tags=["venues"])
@extend_schema_view(
    list=extend_schema(operation_id="list_seating_plans", summary="The versions of a venue's seating plan, newest first"),
    retrieve=extend_schema(
        operation_id="show_seating_plan", summary="A seating plan with its layout", responses=SeatingPlanWithLayoutSerializer
    ),
)
class SeatingPlanViewSet(GenericViewSet[SeatingPlan]):
    serializer_class = SeatingPlanSerializer
    parser_classes = (RawJson,)
    refusals = {"create": (400, 403)}

    def get_queryset(self) -> QuerySet[SeatingPlan]:
        return SeatingPlan.objects.filter(venue=self.kwargs["venue"]).order_by("-number")

    def list(self, request: Request, venue: UUID) -> Response:
        get_object_or_404(Venue, pk=venue)
        page = self.paginate_queryset(self.get_queryset().defer("layout"))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, venue: UUID, pk: UUID) -> Response:
        return Response(SeatingPlanWithLayoutSerializer(self.get_object()).data)

    @extend_schema(
        operation_id="import_seating_plan",
        summary="Make a layout the venue's next seating plan",
        description="The body is the layout in the open seating-plan format. A layout that the venue has already is recognised.",
        parameters=[DRY_RUN, NAME],
        request=OpenApiTypes.OBJECT,
        responses={201: ImportReportSerializer, 200: ImportReportSerializer},
    )
    def create(self, request: Request, venue: UUID) -> Response:
        place = get_object_or_404(Venue, pk=venue)
        person = check_may_edit(request, place.organizer_id)
        options = request.query_params
        report = import_seating_plan(
            venue=place,
            content=cast("bytes", request.data or b""),
            name=options.get("name", "").replace("\0", ""),
            actor=person,
            dry_run=options.get("dry_run", "").lower() in ("true", "1"),
        )
        if report.errors:
            raise ValidationError({"layout": [str(problem) for problem in report.errors]})
        is_new = report.plan is not None and not report.is_known
        body: dict[str, Any] = ImportReportSerializer(report).data
        return Response(body, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)
