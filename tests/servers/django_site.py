"""A site of Django's that tracks on each order, and its ``manage.py``."""

import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse
from django.urls import path

from tests.servers.witness import tracked

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["sqreen_mw.middleware.django.SqreenMiddleware"],
)


def ready(_: HttpRequest) -> HttpResponse:
    """Track nothing."""
    return HttpResponse("ready")


def order(_: HttpRequest) -> HttpResponse:
    """Track an event."""
    return HttpResponse(tracked())


urlpatterns = [path("", ready), path("order", order)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
