"""State machine of an examination session."""

from zhaoliang.kernel.states import Machine

EXAM = Machine(
    "exam",
    noun="考核",
    states={"planned": "已安排", "recorded": "成绩已登记", "published": "成绩已公布"},
    events={"record": "登记成绩", "publish": "公布成绩"},
    initial="planned",
    transitions=[
        ("planned", "record", "recorded", "人社部发〔2025〕10号 三（三）"),
        ("recorded", "record", "recorded"),
        ("recorded", "publish", "published"),
    ],
    tones={"recorded": "ask", "published": "ok"},
)
