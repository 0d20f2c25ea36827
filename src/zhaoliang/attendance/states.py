"""State machines: one trainee's attendance of one session, a doubt about it, a correction of it, a lesson made up."""

from zhaoliang.kernel.states import Machine

ATTENDANCE = Machine(
    "attendance",
    noun="考勤",
    states={
        "expected": "待签到",
        "present": "到课",
        "late": "迟到",
        "left_early": "早退",
        "leave": "请假",
        "absent": "缺课",
        "made_up": "已补课",
        "struck": "核实不计",
    },
    events={
        "sign_in": "签到",
        "sign_in_late": "迟到签到",
        "leave_early": "早退签退",
        "take_leave": "请假",
        "miss": "记为缺课",
        "correct": "更正为到课",
        "make_up": "补课",
        "strike": "核实后不计课时",
    },
    initial="expected",
    transitions=[
        ("expected", "sign_in", "present", "电子培训券试点工作方案 一（三）2"),
        ("expected", "sign_in_late", "late"),
        ("expected", "take_leave", "leave"),
        ("expected", "miss", "absent"),
        # Signed in time on a phone without network, brought after the clock had closed the session.
        ("absent", "sign_in", "present"),
        ("absent", "sign_in_late", "late"),
        ("present", "leave_early", "left_early"),
        ("late", "leave_early", "left_early"),
        ("absent", "correct", "present"),
        ("late", "correct", "present"),
        ("left_early", "correct", "present"),
        ("leave", "correct", "present"),
        ("struck", "correct", "present"),
        ("present", "strike", "struck"),
        ("late", "strike", "struck"),
        ("left_early", "strike", "struck"),
        ("made_up", "strike", "struck"),
        ("absent", "make_up", "made_up"),
        ("leave", "make_up", "made_up"),
    ],
    tones={"present": "ok", "made_up": "ok", "late": "ask", "left_early": "ask", "absent": "no", "struck": "no"},
)
# Who was there, whatever of it counts.
CAME = ("present", "late", "left_early", "made_up")

DOUBT = Machine(
    "attendance_doubt",
    noun="待核实签到",
    states={"open": "待说明", "answered": "已说明", "upheld": "核实有问题", "cleared": "核实无问题"},
    events={"answer": "说明情况", "uphold": "认定有问题", "clear": "认定无问题"},
    initial="open",
    transitions=[
        ("open", "answer", "answered"),
        ("answered", "answer", "answered"),
        ("open", "uphold", "upheld"),
        ("answered", "uphold", "upheld"),
        ("open", "clear", "cleared"),
        ("answered", "clear", "cleared"),
    ],
    tones={"open": "ask", "answered": "ask", "upheld": "no", "cleared": "ok"},
)

CORRECTION = Machine(
    "attendance_correction",
    noun="考勤更正",
    states={"proposed": "待另一人决定", "accepted": "已更正", "declined": "未采纳"},
    events={"accept": "同意更正", "decline": "不采纳"},
    initial="proposed",
    transitions=[("proposed", "accept", "accepted"), ("proposed", "decline", "declined")],
    tones={"proposed": "ask", "accepted": "ok", "declined": "no"},
)

MAKE_UP = Machine(
    "make_up",
    noun="补课",
    states={"proposed": "待同意", "agreed": "待上课", "declined": "未同意", "held": "已上课", "lapsed": "没来补"},
    events={"agree": "同意补课", "decline": "不同意补课", "hold": "登记补课到课", "lapse": "改期补课"},
    initial="proposed",
    transitions=[
        ("proposed", "agree", "agreed"),
        ("proposed", "decline", "declined"),
        ("agreed", "hold", "held"),
        ("agreed", "lapse", "lapsed"),
    ],
    tones={"proposed": "ask", "agreed": "info", "declined": "no", "held": "ok", "lapsed": "no"},
)
