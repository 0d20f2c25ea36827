"""Addresses of the identity pages."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from zhaoliang.web.identity import demo, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("home/", views.home, name="home"),
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-in/worker/", views.worker_sign_in, name="worker_sign_in"),
    path("sign-in/confirm/", views.confirm_identity, name="confirm_identity"),
    path("account/", include("zhaoliang.web.identity.account_urls")),
]

demo_patterns: list[URLPattern | URLResolver] = [
    path("demo/sign-in/", demo.demo_sign_in, name="demo_sign_in"),
    path("demo/confirm/", demo.demo_confirm, name="demo_confirm"),
]

if settings.DEMO:
    urlpatterns += demo_patterns
