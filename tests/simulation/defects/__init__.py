"""Defects that are put into tpush on purpose, to show that a simulation finds what it should.

Each changes one function while a schedule runs. Most need a fault to show: a cluster that nothing
befalls works with them.
"""

from tests.simulation.defects.defect import Defect
from tests.simulation.defects.links import LINK_DEFECTS
from tests.simulation.defects.programs import PROGRAM_DEFECTS
from tests.simulation.defects.receipts import RECEIPT_DEFECTS
from tests.simulation.defects.routing import ROUTING_DEFECTS
from tests.simulation.defects.streams import STREAM_DEFECTS

DEFECTS: tuple[Defect, ...] = (
    *STREAM_DEFECTS, *LINK_DEFECTS, *ROUTING_DEFECTS, *PROGRAM_DEFECTS, *RECEIPT_DEFECTS,
)  # fmt: skip
"""All of them."""
