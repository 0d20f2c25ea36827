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
