"""The URLs of the views."""

from django.urls import include, path, re_path

from tests.middleware.django_site import views

shop = [path("items/<int:item>/", views.hello)]
below = [path("b/<int:id>/", views.hello), re_path(r"^r/(?P<id>[0-9]+)/$", views.hello)]
same_name = [re_path(r"^same/(?P<token>[a-z0-9]+)/$", views.hello)]

urlpatterns = [
    path("", views.hello),
    path("hello/<str:name>/", views.hello),
    path("async/<str:name>/", views.hello_async),
    path("shop/", include(shop)),
    re_path(r"^archive/(?P<year>[0-9]{4})/$", views.hello),
    path("plain/<token>/", include(below)),
    re_path(r"^regex/(?P<token>[a-z0-9]+)/", include(below)),
    re_path(r"^glued-(?P<token>[a-z]+)/", include(below)),
    re_path(r"^number/(?:(?P<token>[0-9]+)/)?", include(below)),
    path("typed/<int:token>/", include(below)),
    path("deep/<shop>/", include([path("<token>/", include(below))])),
    path("given/<token>/", include(below), {"token": "5", "lang": "en"}),
    path("same/<token>/", include(same_name)),
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
    path("visit/<str:kind>/", views.visit),
    path("visit-stream/<str:kind>/", views.visit_stream),
    path("visit-async/<str:kind>/", views.visit_async),
]
