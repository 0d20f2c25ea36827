"""Addresses of the worker's phone pages."""

from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from zhaoliang.web.worker.views import (
    claimable,
    classes,
    eligibility,
    find,
    lessons,
    mine,
    notices,
    passes,
    recoveries,
    scans,
    uses,
    vouchers,
)

app_name = "worker"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="worker:find"), name="home"),
    path("find/", find.find, name="find"),
    path("find/<int:city>/<int:pk>/", find.batch, name="batch"),
    path("find/<int:city>/<int:pk>/pass/", passes.claim, name="claim-pass"),
    path("eligibility/", eligibility.eligibility, name="eligibility"),
    path("vouchers/", vouchers.vouchers, name="vouchers"),
    path("vouchers/<int:city>/<int:pk>/", vouchers.voucher, name="voucher"),
    path("vouchers/<int:city>/<int:pk>/qr/", vouchers.qr, name="qr"),
    path("vouchers/<int:city>/<int:pk>/return/", vouchers.give_back, name="return"),
    path("vouchers/<int:city>/<int:pk>/use/", uses.use, name="use"),
    path("vouchers/<int:city>/<int:pk>/use/undo/", uses.undo, name="use-undo"),
    path("vouchers/<int:city>/<int:pk>/pass/", passes.holder, name="holder-pass"),
    path("classes/", classes.overview, name="classes"),
    path("classes/<int:city>/<int:pk>/", classes.enrolment, name="enrolment"),
    path("classes/<int:city>/<int:pk>/opinion/", classes.opinion, name="opinion"),
    path("sessions/<int:city>/<int:pk>/sign-in/", classes.sign_in, name="sign-in"),
    path("sessions/<int:city>/<int:pk>/sign-out/", classes.sign_out, name="sign-out"),
    path("lessons/<int:city>/<int:pk>/", lessons.lesson, name="lesson"),
    path("lessons/<int:city>/<int:pk>/identity/", lessons.identity, name="lesson-identity"),
    path("lessons/<int:city>/<int:pk>/progress/", lessons.progress, name="lesson-progress"),
    path("c/<str:code>/", scans.scan, name="class-code"),
    path("scan/", scans.scan_page, name="scan"),
    path("doubts/<int:city>/<int:pk>/answer/", scans.answer, name="doubt-answer"),
    path("sessions/<int:city>/<int:pk>/pass/", passes.session, name="sign-in-pass"),
    path("me/", mine.me_page, name="me"),
    path("me/record/", mine.record, name="record"),
    path("me/certificates/<int:city>/<int:pk>/", mine.certificate, name="certificate"),
    path("me/certificates/<int:city>/<int:pk>/pdf/", mine.certificate_pdf, name="certificate-pdf"),
    path("me/subsidies/", mine.subsidies, name="subsidies"),
    path("me/subsidies/<int:city>/<int:pk>/", mine.subsidy, name="subsidy"),
    path("me/subsidies/<int:city>/<int:pk>/account/", mine.correct, name="subsidy-account"),
    path("me/subsidies/<int:city>/<int:pk>/appeal/", mine.appeal, name="subsidy-appeal"),
    path("me/claimable/", claimable.claimable, name="claimable"),
    path("me/card/", claimable.card, name="card"),
    path("me/recoveries/<int:city>/<int:pk>/", recoveries.recovery, name="recovery"),
    path("me/looks/", mine.looks, name="looks"),
    path("me/notices/", notices.notices, name="notices"),
    path("me/notices/read/", notices.read, name="notices-read"),
]
