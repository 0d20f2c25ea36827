"""The platform's addresses as the demo has them."""

from zhaoliang.urls import handler400, handler403, handler404, handler500
from zhaoliang.urls import urlpatterns as platform
from zhaoliang.web.identity.urls import demo_patterns

__all__ = ["handler400", "handler403", "handler404", "handler500"]

urlpatterns = [*demo_patterns, *platform]
