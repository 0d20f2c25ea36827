from django.db import migrations, models

SCHEMES = [
    ("training", "培训补贴"),
    ("skill_upgrade", "技能提升补贴"),
    ("evaluation", "评价补贴"),
    ("living", "生活费补贴"),
    ("targeted", "定向培训补贴"),
    ("project", "项目制培训补贴"),
    ("apprenticeship", "新型学徒制补贴"),
    ("work_training", "以工代训补贴"),
]


class Migration(migrations.Migration):
    dependencies = [("registry", "0005_notice")]

    operations = [
        migrations.AlterField(
            "persongrant", "scheme", models.CharField(choices=SCHEMES, max_length=20, verbose_name="补贴种类")
        ),
    ]
