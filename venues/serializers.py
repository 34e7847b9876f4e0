"""Venues and seating plans as JSON."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from evently.rest.teams import TeamField

from .models import SeatingPlan, Venue


class VenueSerializer(serializers.ModelSerializer[Venue]):
    class Meta:
        model = Venue
        fields = [
            *("id", "organizer", "name", "slug", "address", "city", "country", "time_zone"),
            *("latitude", "longitude", "capacity", "version", "created_at", "updated_at"),
        ]
        read_only_fields = fields


class VenueWriteSerializer(serializers.ModelSerializer[Venue]):
    organizer = TeamField()

    class Meta:
        model = Venue
        fields = [
            *("organizer", "name", "slug", "address", "city", "country", "time_zone"),
            *("latitude", "longitude", "capacity"),
        ]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        place = [attrs.get(name, getattr(self.instance, name, None)) for name in ("latitude", "longitude")]
        if place.count(None) == 1:
            raise serializers.ValidationError({"latitude": [_("Give both latitude and longitude, or neither.")]})
        return attrs


class SeatingPlanSerializer(serializers.ModelSerializer[SeatingPlan]):
    class Meta:
        model = SeatingPlan
        fields = ["id", "venue", "name", "number", "seat_count", "created_at"]
        read_only_fields = fields


class SeatingPlanWithLayoutSerializer(SeatingPlanSerializer):
    layout = serializers.JSONField(help_text="In the open seating-plan format.")

    class Meta(SeatingPlanSerializer.Meta):
        fields = [*SeatingPlanSerializer.Meta.fields, "layout"]
        read_only_fields = fields


class ProblemOfPlanSerializer(serializers.Serializer[Any]):
    where = serializers.CharField()
    message = serializers.CharField()


class ImportReportSerializer(serializers.Serializer[Any]):
    """What an import found; `plan` is what was made of it, or the version that had the same layout already."""

    plan = SeatingPlanSerializer(allow_null=True)
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Seats by category.")
    warnings = ProblemOfPlanSerializer(many=True)
