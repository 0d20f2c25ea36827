"""What may be seen of jobs: whoever may work at the place or in the organisation sees how far its jobs are."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.jobs.running import WHO_STARTS
from zhaoliang.kernel.roles import BUREAU_ROLES, Reach

JOB = question("jobs.job", "查看后台任务的进度", WHO_STARTS)
MINE = question("jobs.mine", "查看我的任务", dict.fromkeys(sorted(BUREAU_ROLES), Reach.REGION))
