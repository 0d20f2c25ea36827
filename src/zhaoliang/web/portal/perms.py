"""What the public site shows to everybody."""

from zhaoliang.kernel.acts import question

HOME = question("portal.home", "打开公共门户", public=True)
DIRECTORY = question("portal.directory", "查看机构目录", public=True)
CHECK = question("portal.check", "查证书、查培训券", public=True)
POLICIES = question("portal.policies", "查看政策和条款", public=True)
ELIGIBILITY = question("portal.eligibility", "看能享受哪些补贴", public=True)
DRAWS = question("portal.draws", "查看审核抽查的公开", public=True)
