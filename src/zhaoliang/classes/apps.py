"""Django app of classes: it answers what the policies say at a claim, which needs more than vouchers know."""

from __future__ import annotations

from django.apps import AppConfig


class ClassesConfig(AppConfig):
    name = "zhaoliang.classes"
    label = "classes"
    verbose_name = "班级"

    def ready(self) -> None:
        # Models are there only now.
        from zhaoliang.classes.eligibility import verdicts
        from zhaoliang.vouchers.eligibility import judged_by

        judged_by(verdicts)
