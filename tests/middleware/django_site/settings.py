"""A site with a view for each feature."""

import os

SECRET_KEY = "of a test"
ALLOWED_HOSTS = ["*"]
DEBUG = False
ROOT_URLCONF = "tests.middleware.django_site.urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
MIDDLEWARE = [
    "sqreen_mw.middleware.django.SqreenMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DJANGO_SITE_DATABASE", ":memory:"),
    }
}
SESSION_ENGINE = "tests.middleware.django_site.counted_sessions"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TIME_ZONE = None  # a time zone would be set for the whole process
USE_TZ = False
LOGGING_CONFIG = None
WSGI_APPLICATION = "tests.middleware.django_site.wsgi.application"
SQREEN = {"app_name": "django-site", "auth_signals": True}
