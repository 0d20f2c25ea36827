"""Addresses of the desk of training and evaluation organisations."""

from django.urls import URLPattern, URLResolver, path

from zhaoliang.web.desk.views import board, claims, classes, exams, home, payments, plan, projects, roster, vouchers

app_name = "provider"
CLASS = "classes/<int:city>/<int:pk>/"
EXAM = "exams/<int:city>/<int:pk>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("organisation/", home.switch, name="switch"),
    path("verify/", vouchers.verify, name="verify"),
    path("verify/log/", vouchers.log, name="verify_log"),
    path("classes/", classes.class_list, name="classes"),
    path("classes/new/", classes.class_new, name="class_new"),
    path("classes/roster-template/", roster.template, name="roster_template"),
    path(CLASS, classes.class_page, name="class"),
    path(f"{CLASS}dates/", plan.reschedule, name="class_dates"),
    path(f"{CLASS}sessions/", plan.add_session, name="session_add"),
    path(f"{CLASS}textbooks/", plan.add_textbook, name="textbook_add"),
    path(f"{CLASS}teachers/", plan.add_teacher, name="teacher_add"),
    path(f"{CLASS}file/", classes.file_class, name="class_file"),
    path(f"{CLASS}improve/", classes.improve, name="class_improve"),
    path(f"{CLASS}withdraw/", classes.withdraw, name="class_withdraw"),
    path(f"{CLASS}start/", classes.start, name="class_start"),
    path(f"{CLASS}end/", classes.end, name="class_end"),
    path(f"{CLASS}roster/", roster.upload, name="roster"),
    path(f"{CLASS}board/", board.board, name="board"),
    path(f"{CLASS}board/wall/", board.wall, name="board_wall"),
    path(f"{CLASS}claim/", claims.assemble, name="claim_assemble"),
    path(f"{CLASS}exam/", exams.exam_plan, name="exam_plan"),
    path("imports/<int:city>/<int:pk>/", roster.result, name="import"),
    path("imports/<int:city>/<int:pk>/keep/", roster.keep, name="import_keep"),
    path("imports/<int:city>/<int:pk>/marked/", roster.annotated, name="import_marked"),
    path("sessions/<int:city>/<int:pk>/change/", plan.change_session, name="session_change"),
    path("sessions/<int:city>/<int:pk>/remove/", plan.remove_session, name="session_remove"),
    path("sessions/<int:city>/<int:pk>/roll-call/", board.roll_call, name="roll_call"),
    path("sessions/<int:city>/<int:pk>/close/", board.close_session, name="session_close"),
    path("textbooks/<int:city>/<int:pk>/remove/", plan.remove_textbook, name="textbook_remove"),
    path("attendance/<int:city>/<int:pk>/leave/", board.grant_leave, name="attendance_leave"),
    path("attendance/<int:city>/<int:pk>/sign-in/", board.sign_in, name="card_sign_in"),
    path("enrolments/<int:city>/<int:pk>/remove/", classes.remove_enrolment, name="enrolment_remove"),
    path("enrolments/<int:city>/<int:pk>/drop/", classes.drop_enrolment, name="enrolment_drop"),
    path("exams/", exams.exam_list, name="exams"),
    path(EXAM, exams.exam, name="exam"),
    path(f"{EXAM}record/", exams.record, name="exam_record"),
    path(f"{EXAM}upload/", exams.upload, name="exam_upload"),
    path(f"{EXAM}sheet/", exams.sheet, name="exam_sheet"),
    path(f"{EXAM}publish/", exams.publish, name="exam_publish"),
    path(f"{EXAM}issue/", exams.issue, name="exam_issue"),
    path("certificates/<int:city>/<int:pk>/pdf/", exams.certificate_pdf, name="certificate_pdf"),
    path("claims/", claims.claim_list, name="claims"),
    path("claims/<int:city>/<int:pk>/", claims.claim, name="claim"),
    path("claims/<int:city>/<int:pk>/confirm/", claims.confirm, name="claim_confirm"),
    path("payments/", payments.payment_list, name="payments"),
    path("projects/", projects.project_list, name="projects"),
    path("projects/new/", projects.project_new, name="project_new"),
    path("projects/<int:city>/<int:pk>/submit/", projects.submit_project, name="project_submit"),
]
