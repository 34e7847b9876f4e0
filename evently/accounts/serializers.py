"""What people tell about themselves by API."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from .models import Membership, User


class CredentialsSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=128, trim_whitespace=False, write_only=True)


class RefreshSerializer(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=2_000)


class TokensSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="Bearer token for five minutes.")
    refresh = serializers.CharField(help_text="Good for one refresh within 14 days.")


class RegisteredSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()


class TeamSerializer(serializers.ModelSerializer[Membership]):
    id = serializers.UUIDField(source="organizer_id")
    name = serializers.CharField(source="organizer.name")

    class Meta:
        model = Membership
        fields = ["id", "name", "role"]


class PersonSerializer(serializers.ModelSerializer[User]):
    """Only names and language are the person's to change here; whatever else is sent is ignored."""

    language = serializers.ChoiceField(choices=[code for code, _name in settings.LANGUAGES], allow_blank=True, required=False)
    teams = TeamSerializer(source="memberships", many=True, read_only=True)

    class Meta:
        model = User
        fields = ["id", "email", "first_name", "last_name", "language", "teams"]
        read_only_fields = ["id", "email"]
