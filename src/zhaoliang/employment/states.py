"""State machine of a finding that a record is untrue."""

from zhaoliang.kernel.states import Machine

FINDING = Machine(
    "fact_finding",
    noun="事实认定",
    states={"proposed": "待另一人认定", "confirmed": "认定不实", "dropped": "不予认定", "lifted": "已撤销认定"},
    events={"confirm": "认定不实", "drop": "不予认定", "lift": "撤销认定"},
    initial="proposed",
    transitions=[
        ("proposed", "confirm", "confirmed"),
        ("proposed", "drop", "dropped"),
        ("confirmed", "lift", "lifted"),
    ],
    tones={"proposed": "ask", "confirmed": "no"},
)
