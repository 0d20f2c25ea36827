"""Fields of a place on earth, with the datum it is written in; the form gives WGS84, whatever was typed or sent."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.conf import settings
from django.http import HttpRequest

from zhaoliang.kernel.geo import DATUMS, Datum, wgs84_degrees


def datum_of(request: HttpRequest) -> Datum:
    """The datum in which the visitor's browser says where it is, by its user agent (`ZHAOLIANG_WEBVIEW_DATUMS`)."""
    agent = request.headers.get("user-agent", "")
    known = (datum for word, datum in settings.WEBVIEW_DATUMS.items() if word in agent and datum in DATUMS)
    return cast("Datum", next(known, "wgs84"))


class PlacedForm(forms.Form):
    """Turns `longitude` and `latitude` of the form that inherits it into WGS84; without a datum they are WGS84 already."""

    datum = forms.ChoiceField(
        label="坐标来自",
        choices=list(DATUMS.items()),
        required=False,
        help_text="从手机地图里复制的坐标与 GPS 的差几百米，选对来源，平台会换算。",
    )

    def clean(self) -> dict[str, Any]:
        """The fields without the datum, the place in WGS84 (six decimals)."""
        said = dict(super().clean() or self.cleaned_data)
        datum = cast("Datum", said.pop("datum", "") or "wgs84")
        longitude, latitude = said.get("longitude"), said.get("latitude")
        if longitude is not None and latitude is not None:
            said["longitude"], said["latitude"] = wgs84_degrees(longitude, latitude, datum)
        return said
