"""Forms whose messages say what to do, in words a person uses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.money import parse_yuan


class PlainForm(forms.Form):
    """A form with Chinese messages that name the field: 请填写姓名。 A field's own `error_messages` win."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, bound in self.fields.items():
            own = type(self).base_fields[name].error_messages if name in type(self).base_fields else {}
            defaults = _default_messages(bound)
            for code, text in _plain_messages(bound, str(bound.label or name)).items():
                if own.get(code, defaults.get(code)) == defaults.get(code):
                    bound.error_messages[code] = text


def offer(form: forms.Form, name: str, choices: Iterable[tuple[Any, Any]]) -> None:
    """Let a choice field of a form offer these (value, word) pairs."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField), name
    field.choices = list(choices)


def _default_messages(bound: forms.Field) -> dict[str, Any]:
    messages: dict[str, Any] = {}
    for kind in reversed(type(bound).__mro__):
        messages.update(getattr(kind, "default_error_messages", {}))
    return messages


def _plain_messages(bound: forms.Field, label: str) -> dict[str, str]:
    if isinstance(bound, forms.BooleanField):
        return {"required": "要办理，请先勾选这一项。"}
    if isinstance(bound, forms.FileField):
        return {"required": f"请选择{label}文件。", "empty": "这个文件是空的，请重新选择。"}
    if isinstance(bound, forms.ChoiceField):
        return {"required": f"请选择{label}。", "invalid_choice": f"{label}没有这一项，请在列出的里面选。"}
    if isinstance(bound, forms.DateField):
        return {"required": f"请填写{label}。", "invalid": f"{label}要写成 2026-03-05 这样，而且确有这一天。"}
    if isinstance(bound, forms.IntegerField):
        return {"required": f"请填写{label}。", "invalid": f"{label}要填整数。"}
    return {"required": f"请填写{label}。"}


class YuanField(forms.CharField):
    """An amount typed in yuan, cleaned to whole fen."""

    def __init__(self, **given: Any) -> None:
        super().__init__(widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}), **given)

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return int(parse_yuan(text))
        except Refusal as problem:
            raise forms.ValidationError(problem.why or problem.what) from problem

    def prepare_value(self, value: Any) -> Any:
        return f"{value // 100}.{value % 100:02d}" if isinstance(value, int) else value
