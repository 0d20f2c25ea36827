"""State machine of the voiding of a receipt."""

from zhaoliang.kernel.states import Machine

VOIDING = Machine(
    "share_voiding",
    noun="收据作废",
    states={"proposed": "待另一人核对", "confirmed": "已作废", "declined": "未作废"},
    events={"confirm": "同意作废", "decline": "不同意作废"},
    initial="proposed",
    transitions=[("proposed", "confirm", "confirmed"), ("proposed", "decline", "declined")],
    tones={"proposed": "ask", "confirmed": "no", "declined": ""},
)
