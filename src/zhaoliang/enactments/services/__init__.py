"""Acts on policy texts: drafting, checking, trying on the past, approving by a second person."""

from zhaoliang.enactments.services.common import Outdated
from zhaoliang.enactments.services.deciding import (
    advance,
    approve,
    check_draft,
    drop,
    return_draft,
    simulate_draft,
    submit,
    withdraw,
)
from zhaoliang.enactments.services.drafting import (
    adopt_results,
    import_table,
    record_decision,
    replace_text,
    set_cells,
    set_figures,
    start_document,
    start_repeal,
    start_revision,
)

__all__ = [
    "Outdated",
    "adopt_results",
    "advance",
    "approve",
    "check_draft",
    "drop",
    "import_table",
    "record_decision",
    "replace_text",
    "return_draft",
    "set_cells",
    "set_figures",
    "simulate_draft",
    "start_document",
    "start_repeal",
    "start_revision",
    "submit",
    "withdraw",
]
