import zhaoliang.kernel.db.fields
import zhaoliang.kernel.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("kernel", "0006_keys_one_by_one"),
    ]

    operations = [
        migrations.CreateModel(
            name="KeptExport",
            fields=[
                ("city_code", zhaoliang.kernel.db.fields.CityCodeField(verbose_name="城市")),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("region_code", models.IntegerField(verbose_name="地区")),
                ("actor_user_id", models.BigIntegerField(null=True, verbose_name="账号")),
                ("actor_name", models.CharField(max_length=80, verbose_name="经办人")),
                ("title", models.CharField(max_length=200, verbose_name="名称")),
                ("address", zhaoliang.kernel.fields.EncryptedTextField(blank=True, verbose_name="页面")),
                ("content", zhaoliang.kernel.fields.EncryptedTextField(blank=True, verbose_name="内容")),
                ("file_name", models.CharField(blank=True, max_length=200, verbose_name="文件名")),
                ("media", models.CharField(blank=True, max_length=100, verbose_name="格式")),
                ("size", models.BigIntegerField(default=0, verbose_name="大小（字节）")),
                ("asked_at", models.DateTimeField(verbose_name="要求导出的时间")),
                ("made_at", models.DateTimeField(null=True, verbose_name="做好的时间")),
            ],
            options={
                "db_table": "kept_export",
                "indexes": [
                    models.Index(fields=["city_code", "actor_user_id", "asked_at"], name="kept_export_of_actor")
                ],
            },
        ),
    ]
