"""What may be seen of the catalogue and the project library."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import BUREAU_ROLES, Reach, Role

CATALOGUE = question("catalogue.published", "查看需求指导目录", public=True)
PROJECTS = question("catalogue.projects", "查看项目库", public=True)
DRAFTS = question(
    "catalogue.drafts",
    "查看编制中的目录和待审项目",
    {Role.PROVIDER: Reach.ORGANISATION, **dict.fromkeys(sorted(BUREAU_ROLES), Reach.REGION)},
)
