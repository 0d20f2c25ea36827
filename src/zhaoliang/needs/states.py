"""State machine of a training demand."""

from zhaoliang.kernel.states import Machine

DEMAND = Machine(
    "demand",
    noun="用工需求",
    states={"open": "征集中", "answered": "已列项目", "closed": "已关闭"},
    events={"answer": "列为项目", "close": "关闭"},
    initial="open",
    transitions=[
        ("open", "answer", "answered", "鲁人社字〔2025〕37号 16"),
        ("open", "close", "closed"),
        ("answered", "close", "closed"),
    ],
    tones={"open": "ask", "answered": "ok"},
)
