"""State machines of paying accounts, payment batches, payment lines and reconciliation cases."""

from zhaoliang.kernel.states import Machine

PAYING_ACCOUNT = Machine(
    "paying_account",
    noun="付款账户",
    states={"entered": "待复核", "confirmed": "在用", "refused": "未采用", "replaced": "已更换"},
    events={"confirm": "复核启用", "refuse": "不采用", "replace": "更换"},
    initial="entered",
    transitions=[
        ("entered", "confirm", "confirmed"),
        ("entered", "refuse", "refused"),
        ("confirmed", "replace", "replaced"),
    ],
    tones={"entered": "ask", "confirmed": "ok", "refused": "no"},
)

PAYMENT_BATCH = Machine(
    "payment_batch",
    noun="拨付批次",
    states={
        "building": "编制中",
        "sealed": "已封存",
        "authorised": "已授权",
        "sent": "已送银行",
        "unknown": "送达未知",
        "answered": "银行已回单",
        "settled": "已结清",
        "dissolved": "已撤销",
    },
    events={
        "seal": "封存",
        "authorise": "授权",
        "send": "送银行",
        "lose": "标为送达未知",
        "confirm_sent": "银行确认收到",
        "confirm_not_sent": "银行确认未收到",
        "answer": "登记回单",
        "settle": "结清",
        "dissolve": "撤销批次",
        "reopen": "撤出不得拨付的明细",
    },
    initial="building",
    transitions=[
        ("building", "seal", "sealed"),
        ("sealed", "authorise", "authorised"),
        ("authorised", "send", "sent"),
        ("authorised", "lose", "unknown"),
        ("sent", "lose", "unknown"),
        ("unknown", "confirm_sent", "sent"),
        ("unknown", "confirm_not_sent", "authorised"),
        ("sent", "answer", "answered"),
        ("answered", "answer", "answered"),
        ("answered", "settle", "settled"),
        ("building", "dissolve", "dissolved"),
        ("sealed", "dissolve", "dissolved"),
        ("building", "reopen", "building"),
        ("sealed", "reopen", "building"),
        ("authorised", "reopen", "building"),
        ("authorised", "dissolve", "dissolved"),
    ],
    tones={"sealed": "ask", "unknown": "no", "settled": "ok", "dissolved": "no"},
)

PAYMENT_LINE = Machine(
    "payment_line",
    noun="拨付明细",
    states={
        "waiting": "待拨付",
        "sent": "已送银行",
        "paid": "已到账",
        "failed": "银行退回",
        "returned": "到账后退回",
    },
    events={
        "send": "送银行",
        "settle": "到账",
        "fail": "退回",
        "unsend": "确认未送达",
        "cancel": "撤销",
        "bounce": "到账后退汇",
        "prove": "核实为已到账",
    },
    initial="waiting",
    transitions=[
        ("waiting", "send", "sent"),
        ("sent", "settle", "paid"),
        ("sent", "fail", "failed"),
        ("sent", "unsend", "waiting"),
        ("waiting", "cancel", "failed"),
        ("paid", "bounce", "returned"),
        ("failed", "prove", "paid"),
    ],
    tones={"sent": "ask", "paid": "ok", "failed": "no", "returned": "no"},
)

RECONCILIATION = Machine(
    "reconciliation",
    noun="核对事项",
    states={"open": "待处理", "proposed": "待复核", "closed": "已了结"},
    events={"propose": "提出处理意见", "reject": "退回意见", "close": "了结"},
    initial="open",
    transitions=[
        ("open", "propose", "proposed"),
        ("proposed", "reject", "open"),
        ("proposed", "close", "closed"),
        ("open", "close", "closed"),
    ],
    tones={"open": "ask", "proposed": "ask", "closed": "ok"},
)
