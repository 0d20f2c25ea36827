"""State machines of the guidance catalogue and of projects."""

from zhaoliang.kernel.states import Machine

CATALOGUE = Machine(
    "catalogue",
    noun="需求指导目录",
    states={"draft": "编制中", "published": "已发布", "superseded": "已替换"},
    events={"publish": "发布", "supersede": "替换"},
    initial="draft",
    transitions=[
        ("draft", "publish", "published", "人社部发〔2025〕10号 三（二）"),
        ("published", "supersede", "superseded"),
    ],
    tones={"published": "ok"},
)

PROJECT = Machine(
    "project",
    noun="培训项目",
    states={
        "draft": "草稿",
        "submitted": "待审核",
        "listed": "已入库",
        "suspended": "已暂停",
        "closed": "已结束",
    },
    events={
        "submit": "提交",
        "list": "列入项目库",
        "return": "退回修改",
        "suspend": "暂停",
        "resume": "恢复",
        "close": "结束",
    },
    initial="draft",
    transitions=[
        ("draft", "submit", "submitted"),
        ("submitted", "list", "listed", "人社部发〔2025〕10号 二"),
        ("submitted", "return", "draft"),
        ("listed", "suspend", "suspended"),
        ("suspended", "resume", "listed"),
        ("listed", "close", "closed"),
        ("suspended", "close", "closed"),
    ],
    tones={"submitted": "ask", "listed": "ok", "suspended": "no"},
)
