"""The life of a job. `resume`: its worker died, another one goes on with it."""

from zhaoliang.kernel.states import Machine

JOB = Machine(
    "job",
    noun="后台任务",
    states={"queued": "排队中", "running": "进行中", "done": "已完成", "failed": "没有完成", "cancelled": "已取消"},
    events={"begin": "开始", "resume": "接着做", "finish": "完成", "fail": "记录失败", "cancel": "取消"},
    initial="queued",
    transitions=[
        ("queued", "begin", "running"),
        ("running", "resume", "running"),
        ("running", "finish", "done"),
        ("queued", "fail", "failed"),
        ("running", "fail", "failed"),
        ("queued", "cancel", "cancelled"),
        ("running", "cancel", "cancelled"),
    ],
    tones={"queued": "", "running": "info", "done": "ok", "failed": "no"},
)
OPEN = ("queued", "running")
