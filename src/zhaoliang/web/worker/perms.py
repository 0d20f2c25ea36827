"""What a worker's phone pages show beyond the questions of the business folders."""

from zhaoliang.kernel.acts import question
from zhaoliang.kernel.roles import Reach, Role

FIND = question("worker.find", "看我能领什么", {Role.WORKER: Reach.SELF})
LOOKS = question("worker.looks", "看谁看过我的档案", {Role.WORKER: Reach.SELF})
ELIGIBILITY = question("worker.eligibility", "看我能享受哪些补贴", {Role.WORKER: Reach.SELF})
