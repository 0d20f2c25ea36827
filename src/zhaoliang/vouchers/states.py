"""State machines of voucher batches and vouchers (职业技能电子培训券试点工作方案 一（一）)."""

from zhaoliang.kernel.states import Machine

BATCH = Machine(
    "voucher_batch",
    noun="培训券批次",
    states={
        "draft": "草稿",
        "submitted": "待发布",
        "open": "发放中",
        "suspended": "已暂停",
        "closed": "已停发",
        "settled": "已结清",
    },
    events={
        "submit": "提交发布",
        "return": "退回修改",
        "publish": "发布",
        "suspend": "暂停",
        "resume": "恢复",
        "close": "停发",
        "settle": "结清",
    },
    initial="draft",
    transitions=[
        ("draft", "submit", "submitted"),
        ("submitted", "return", "draft"),
        ("submitted", "publish", "open", "电子培训券试点工作方案 一（一）1"),
        ("open", "suspend", "suspended"),
        ("suspended", "resume", "open"),
        ("open", "close", "closed"),
        ("suspended", "close", "closed"),
        ("closed", "settle", "settled"),
    ],
    tones={"submitted": "ask", "open": "ok", "suspended": "no"},
)

# An open batch before and after its time to claim: it gives nothing then, whatever its state says.
PHASES = {"early": ("未到领取时间", "ask"), "late": ("领取已截止", "")}

VOUCHER = Machine(
    "voucher",
    noun="培训券",
    states={
        "claimed": "已领取",
        "used": "已使用",
        "verified": "已验证",
        "in_claim": "申领中",
        "redeemed": "已核销",
        "returned": "已退回",
        "expired": "已过期",
        "void": "已作废",
    },
    events={
        "use": "使用",
        "undo_use": "撤销使用",
        "verify": "验证",
        "enter_claim": "进入补贴申领",
        "leave_claim": "退出补贴申领",
        "redeem": "核销",
        "return": "退回",
        "expire": "过期",
        "void": "作废",
    },
    initial="claimed",
    transitions=[
        ("claimed", "use", "used", "电子培训券试点工作方案 一（一）3（2）"),
        ("claimed", "return", "returned", "电子培训券试点工作方案 二（一）1"),
        ("claimed", "expire", "expired", "电子培训券试点工作方案 一（一）2（4）"),
        ("claimed", "void", "void"),
        ("used", "undo_use", "claimed"),
        ("used", "verify", "verified", "电子培训券试点工作方案 一（一）3（3）"),
        ("used", "void", "void"),
        ("verified", "enter_claim", "in_claim", "电子培训券试点工作方案 一（一）4"),
        ("verified", "undo_use", "claimed"),
        ("verified", "void", "void"),
        ("in_claim", "leave_claim", "verified"),
        ("in_claim", "redeem", "redeemed", "电子培训券试点工作方案 一（一）4"),
        ("in_claim", "void", "void"),
    ],
    tones={"claimed": "ask", "redeemed": "ok", "expired": "no", "void": "no"},
)

CHANGE = Machine(
    "batch_change",
    noun="调整",
    states={"proposed": "待批准", "approved": "已批准", "refused": "未同意"},
    events={"approve": "批准", "refuse": "不同意或撤回"},
    initial="proposed",
    transitions=[("proposed", "approve", "approved"), ("proposed", "refuse", "refused")],
    tones={"proposed": "ask", "approved": "ok"},
)

ISSUE = Machine(
    "issue_list",
    noun="发券名单",
    states={
        "draft": "草稿",
        "submitted": "待批准",
        "approved": "发放中",
        "issued": "已发放",
        "refused": "未发放",
    },
    events={"submit": "提交", "approve": "批准发放", "finish": "办结", "refuse": "不发或撤回"},
    initial="draft",
    transitions=[
        ("draft", "submit", "submitted"),
        ("submitted", "approve", "approved", "电子培训券试点工作方案 一（一）1（1）"),
        ("approved", "finish", "issued"),
        ("draft", "refuse", "refused"),
        ("submitted", "refuse", "refused"),
    ],
    tones={"submitted": "ask", "approved": "ask", "issued": "ok", "refused": "no"},
)
