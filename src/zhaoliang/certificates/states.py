"""State machine of a certificate."""

from zhaoliang.kernel.states import Machine

CERTIFICATE = Machine(
    "certificate",
    noun="证书",
    states={
        "issued": "有效",
        "suspended": "暂停",
        "revoked": "已撤销",
        "replaced": "已换发",
    },
    events={"suspend": "暂停", "resume": "恢复", "revoke": "撤销", "replace": "换发"},
    initial="issued",
    transitions=[
        ("issued", "suspend", "suspended"),
        ("suspended", "resume", "issued"),
        # Revoking takes two people: one suspends with reasons, another revokes.
        ("suspended", "revoke", "revoked"),
        ("issued", "replace", "replaced"),
    ],
    tones={"issued": "ok", "suspended": "ask", "revoked": "no"},
)
