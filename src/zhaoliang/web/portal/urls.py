"""Addresses of the public site."""

from django.urls import URLPattern, URLResolver, path

from zhaoliang.web.portal.views import (
    activity,
    check,
    directories,
    draws,
    eligibility,
    home,
    keys,
    policies,
    projects,
    publicity,
)

app_name = "portal"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("activity/<int:city>/<int:pk>/", activity.activity, name="activity"),
    path("projects/", projects.projects, name="projects"),
    path("projects/<int:city>/<int:pk>/", projects.project, name="project"),
    path("catalogue/", projects.guidance, name="catalogue"),
    path("organisations/", directories.organisations, name="organisations"),
    path("eligibility/", eligibility.eligibility, name="eligibility"),
    path("check/", check.check, name="check"),
    path("keys/", keys.keys, name="keys"),
    path("keys.json", keys.document, name="keys_json"),
    path("draws/", draws.months, name="draws"),
    path("draws.json", draws.document, name="draws_json"),
    path("publicity/", publicity.publicity, name="publicity"),
    path("publicity/<int:city>/<int:pk>/objection/", publicity.objection, name="objection"),
    path("policies/", policies.policies, name="policies"),
    path("policies/<path:document>/clauses/<str:clause>/", policies.clause, name="clause"),
    path("policies/<path:document>/changes/", policies.changes, name="changes"),
    path("policies/<path:document>/", policies.policy, name="policy"),
    path("about/", home.about, name="about"),
]
