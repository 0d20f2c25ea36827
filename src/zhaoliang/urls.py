"""All addresses of the platform. Each face owns its own list."""

from django.urls import include, path

from zhaoliang.api.urls import api
from zhaoliang.web import errors, health

urlpatterns = [
    path("", include("zhaoliang.web.portal.urls")),
    path("", include("zhaoliang.web.identity.urls")),
    path("my/", include("zhaoliang.web.worker.urls")),
    path("desk/", include("zhaoliang.web.desk.urls")),
    path("bureau/", include("zhaoliang.web.bureau.urls")),
    path("api/v1/", api.urls),
    path("", include("zhaoliang.web.components.urls")),
    path("", include("zhaoliang.web.jobs")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
