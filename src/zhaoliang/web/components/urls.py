"""Routes of the design system: the type-size switch, and (DEBUG only) the gallery."""

from __future__ import annotations

from django.urls import path

from zhaoliang.web.components import gallery, views

app_name = "components"

urlpatterns = [
    path("display/", views.display, name="display"),
    path("design/", gallery.gallery, name="gallery"),
    path("design/<slug:face>/", gallery.face, name="gallery-face"),
]
