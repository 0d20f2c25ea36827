"""The demo: one training project from need to paid subsidy, played through the services that the pages call."""

from zhaoliang.demo.story import Played, play
from zhaoliang.demo.summary import chain_table, sign_ins

__all__ = ["Played", "chain_table", "play", "sign_ins"]
