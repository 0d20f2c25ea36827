"""State machines of recovery cases and of corrections by people."""

from zhaoliang.kernel.states import Machine

_BACK = "国务院就业促进和劳动保护工作领导小组 2025-06-20 意见 六（十八）"

# Told, and money still comes or is no longer wanted.
_WANTED = ("noticed", "agreed", "refused", "to_hand_over", "handed_over", "to_write_off")

RECOVERY_CASE = Machine(
    "recovery_case",
    noun="追回事项",
    states={
        "opened": "待通知",
        "noticed": "已通知，等待回复",
        "agreed": "已约定退还",
        "refused": "没有退还",
        "to_hand_over": "待移送审批",
        "handed_over": "已移送",
        "to_write_off": "待核销审批",
        "recovered": "已追回",
        "written_off": "已核销",
        "withdrawn": "已撤销",
    },
    events={
        "notice": "送达追回通知",
        "agree": "约定退还",
        "refuse": "登记不退还",
        "overdue": "逾期没有回复",
        "default": "逾期没有按约定退还",
        "propose_hand_over": "提请移送",
        "hand_over": "移送",
        "keep_here": "不同意移送",
        "propose_write_off": "提请核销",
        "keep": "不同意核销",
        "write_off": "核销",
        "settle": "全部退还",
        "withdraw": "撤销追回",
    },
    initial="opened",
    transitions=[
        ("opened", "notice", "noticed", _BACK),
        ("noticed", "agree", "agreed"),
        ("noticed", "refuse", "refused"),
        ("noticed", "overdue", "refused"),
        ("agreed", "agree", "agreed"),
        ("agreed", "default", "refused"),
        ("refused", "agree", "agreed"),
        ("refused", "propose_hand_over", "to_hand_over", _BACK),
        ("to_hand_over", "hand_over", "handed_over", _BACK),
        ("to_hand_over", "keep_here", "refused"),
        ("handed_over", "agree", "agreed"),
        ("refused", "propose_write_off", "to_write_off"),
        ("handed_over", "propose_write_off", "to_write_off"),
        ("to_write_off", "write_off", "written_off"),
        ("to_write_off", "keep", "refused"),
        *(
            (state, event, end)
            for state in _WANTED
            for event, end in (("settle", "recovered"), ("withdraw", "withdrawn"))
        ),
    ],
    tones={
        "noticed": "ask",
        "agreed": "ask",
        "refused": "no",
        "to_hand_over": "ask",
        "handed_over": "no",
        "to_write_off": "ask",
        "recovered": "ok",
    },
)
# Cases that still want something from somebody.
OPEN = ("opened", *_WANTED)

CORRECTION = Machine(
    "correction",
    noun="更正决定",
    states={"proposed": "待另一人确认", "confirmed": "已确认", "dropped": "已放弃"},
    events={"confirm": "确认更正", "drop": "放弃更正"},
    initial="proposed",
    transitions=[("proposed", "confirm", "confirmed"), ("proposed", "drop", "dropped")],
    tones={"proposed": "ask", "confirmed": "ok"},
)
