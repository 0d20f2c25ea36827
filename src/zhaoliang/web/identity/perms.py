"""What the identity pages show: they are the way in, so open to everybody."""

from zhaoliang.kernel.acts import question

ENTER = question("identity.enter", "登录和确认身份", public=True)
