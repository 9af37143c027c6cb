"""Where the views are."""

from django.urls import include, path, re_path

from tests.middleware.django_site import views

shop = [path("items/<int:item>/", views.hello)]

urlpatterns = [
    path("", views.hello),
    path("hello/<str:name>/", views.hello),
    path("async/<str:name>/", views.hello_async),
    path("shop/", include(shop)),
    re_path(r"^archive/(?P<year>[0-9]{4})/$", views.hello),
    path("form/", views.form),
    path("raw/", views.raw),
    path("in-parts/", views.in_parts),
    path("unread/", views.unread),
    path("boom/", views.boom),
    path("stream/", views.stream),
    path("stream-async/", views.stream_async),
    path("file/", views.file),
    path("login/", views.log_in),
    path("whereabouts/", views.whereabouts),
]
