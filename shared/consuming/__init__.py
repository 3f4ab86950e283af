"""The receiving side of the bus: each event takes effect once, in order, and none is lost.

- consumer: what the worker starts; hears, tries again, collects what the bus put aside
- loop: takes deliveries and acknowledges what is durable; one thread leads
- lanes: side roads for what is slow, so that the others need not wait
- hand: what a thread has in hand, and how it is taken away from it
- handling: one event, or a backlog, in one transaction with its inbox rows
- parking: the table of what failed here, and of what lines up behind it
- retrying: tries parked events again, in order per aggregate
- failures: whose fault it was: the event's, the moment's, or our database's
- missed: asks for what another release of ours let pass by
- upkeep: forgets what nobody can repeat
"""

from shared.consuming.consumer import Consumer
from shared.consuming.retrying import MOST_TRIES

__all__ = ["MOST_TRIES", "Consumer"]
