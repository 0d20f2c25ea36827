"""The demo: one training project from need to paid subsidy, played through the services that the pages call."""

from zhaoliang.demo.story import Played, play, sign_ins

__all__ = ["Played", "play", "sign_ins"]
