"""What the code has decided, as far as a plan needs it; a test holds these to the code itself.

They are written down here, since the modules that decide bring all of the functions' libraries with them.
"""

from __future__ import annotations

ROW_GROUP = 65_536
"""`domain.shards`: rows that are never parted."""

TAIL_BYTES = 65_536
"""`aws.ranged`: of an object, those that are fetched first."""

PART_DROPS = 25
"""`domain.job`: drops of a job that one invocation collects."""

AT_ONCE = 2_000
"""`dispatch`: drops that one dispatch looks at."""

CLAIM_AT_ONCE = 100
"""`aws.ledger.jobs`: drops that are claimed in one transaction."""

SPREAD = 8
"""`aws.ledger.items`: partitions of an index, for each kind and day."""

WHILE_BUSY_SECONDS = 3
"""`prepare`: when to try again to dispatch while another does."""

PREPARE_NEEDED, COLLECT_NEEDED, DISPATCH_NEEDED = 0.3, 0.2, 0.1
"""`prepare`, `collect`, `dispatch`: the share of an invocation's time without which nothing more is begun."""
