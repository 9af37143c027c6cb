"""The site under WSGI."""

import os

from django.core.wsgi import get_wsgi_application

from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.middleware.django_site.settings")
application = get_wsgi_application()
wrapped = SqreenWSGIMiddleware(application)
