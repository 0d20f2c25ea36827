"""State machines of classes and enrolments."""

from zhaoliang.kernel.states import Machine

CLASS = Machine(
    "class",
    noun="班级",
    states={
        "draft": "草稿",
        "filed": "备案待审",
        "accepted": "已备案",
        "running": "上课中",
        "ended": "已结课",
        "assessed": "已考核",
        "in_claim": "申领中",
        "closed": "已办结",
        "withdrawn": "已撤回",
        "stopped": "已停办",
    },
    events={
        "file": "提交备案",
        "accept": "同意备案",
        "return": "退回修改",
        "withdraw": "撤回",
        "start": "开班",
        "end": "结课",
        "assess": "考核完成",
        "claim": "生成补贴申领",
        "close": "办结",
        "stop": "责令停办",
    },
    initial="draft",
    transitions=[
        ("draft", "file", "filed", "人社部发〔2025〕10号 三（三）"),
        ("draft", "withdraw", "withdrawn"),
        ("filed", "accept", "accepted", "津人社局发〔2022〕20号 第二十四条"),
        ("filed", "return", "draft"),
        ("filed", "withdraw", "withdrawn"),
        ("accepted", "withdraw", "withdrawn"),
        ("accepted", "start", "running"),
        ("running", "end", "ended"),
        ("running", "stop", "stopped"),
        ("ended", "assess", "assessed"),
        ("assessed", "claim", "in_claim", "人社部发〔2025〕10号 三（十一）"),
        ("in_claim", "close", "closed"),
    ],
    tones={"filed": "ask", "accepted": "ok", "running": "ask", "closed": "ok", "stopped": "no"},
)

ENROLMENT = Machine(
    "enrolment",
    noun="学员",
    states={
        "listed": "在名册",
        "attending": "在学",
        "completed": "结业",
        "dropped": "中途退出",
        "removed": "开班前移除",
    },
    events={"start": "开班", "complete": "结业", "drop": "退出", "remove": "移除"},
    initial="listed",
    transitions=[
        ("listed", "start", "attending"),
        ("listed", "remove", "removed"),
        ("attending", "complete", "completed"),
        ("attending", "drop", "dropped"),
    ],
    tones={"attending": "ask", "completed": "ok", "dropped": "no", "removed": "no"},
)
