"""The identity pages as a Django application."""

from django.apps import AppConfig


class IdentityConfig(AppConfig):
    """Listens to allauth's second factors being set up."""

    name = "zhaoliang.web.identity"
    label = "identity"

    def ready(self) -> None:
        from allauth.mfa.signals import authenticator_added

        from zhaoliang.web.identity import sessions

        authenticator_added.connect(sessions.record_added)
