"""The site under ASGI."""

import os

from django.core.asgi import get_asgi_application

from sqreen_mw.middleware.asgi import SqreenMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.middleware.django_site.settings")
application = get_asgi_application()
wrapped = SqreenMiddleware(application)
