"""State machine of one trainee's attendance of one session."""

from zhaoliang.kernel.states import Machine

ATTENDANCE = Machine(
    "attendance",
    noun="考勤",
    states={
        "expected": "待签到",
        "present": "到课",
        "late": "迟到",
        "leave": "请假",
        "absent": "缺课",
    },
    events={
        "sign_in": "签到",
        "sign_in_late": "迟到签到",
        "take_leave": "请假",
        "miss": "记为缺课",
        "correct": "更正为到课",
    },
    initial="expected",
    transitions=[
        ("expected", "sign_in", "present", "电子培训券试点工作方案 一（三）2"),
        ("expected", "sign_in_late", "late"),
        ("expected", "take_leave", "leave"),
        ("expected", "miss", "absent"),
        ("absent", "correct", "present"),
        ("late", "correct", "present"),
    ],
    tones={"present": "ok", "late": "ask", "absent": "no"},
)
