"""The same Django site, under WSGI."""

from django.core.wsgi import get_wsgi_application

from tests.transparency import isolation_django

__all__ = ["app", "isolation_django"]

app = get_wsgi_application()
