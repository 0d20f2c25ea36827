"""State machines of the registry."""

from zhaoliang.kernel.states import Machine

ORGANISATION = Machine(
    "organisation",
    noun="机构",
    states={"registered": "已登记", "listed": "目录内", "suspended": "已暂停", "removed": "已移出"},
    events={"list": "列入目录", "suspend": "暂停", "resume": "恢复", "remove": "移出目录"},
    initial="registered",
    transitions=[
        ("registered", "list", "listed", "人社部发〔2025〕10号 三（二）"),
        ("listed", "suspend", "suspended"),
        ("suspended", "resume", "listed"),
        ("listed", "remove", "removed"),
        ("suspended", "remove", "removed"),
    ],
    tones={"listed": "ok", "suspended": "ask", "removed": "no"},
)

SANCTION = Machine(
    "sanction",
    noun="机构处理",
    states={
        "noticed": "已告知，待陈述",
        "replied": "已陈述，待决定",
        "in_force": "执行中",
        "lift_asked": "提请解除",
        "lifted": "已解除",
        "dropped": "不予处理",
        "lapsed": "逾期未决定",
    },
    events={
        "reply": "陈述申辩",
        "decide": "作出处理",
        "drop": "不予处理",
        "lapse": "逾期终止",
        "ask_lift": "提请解除",
        "refuse_lift": "不予解除",
        "lift": "解除",
    },
    initial="noticed",
    transitions=[
        ("noticed", "reply", "replied"),
        ("noticed", "decide", "in_force", "津人社办发〔2022〕60号 第十九条"),
        ("replied", "decide", "in_force", "津人社办发〔2022〕60号 第十九条"),
        ("noticed", "drop", "dropped"),
        ("replied", "drop", "dropped"),
        ("noticed", "lapse", "lapsed"),
        ("replied", "lapse", "lapsed"),
        ("in_force", "ask_lift", "lift_asked"),
        ("lift_asked", "refuse_lift", "in_force"),
        ("lift_asked", "lift", "lifted"),
    ],
    tones={"noticed": "ask", "replied": "ask", "in_force": "no", "lift_asked": "no", "lifted": "ok", "dropped": "ok"},
)

# The steps of the ladder, mildest first.
SANCTION_STEPS = {
    "interview": "约谈",
    "rectification": "整改",
    "notice": "通报",
    "termination": "解除协议",
    "blacklist": "黑名单",
}
