"""What must hold when the platform is quiet, over what the databases, the bus and the shoppers say.

Each rule returns sentences about what is wrong; nothing here asks the services themselves.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field

from tests.faults.facts import Facts

MANY_TIMES = {"ship", "ask-refund"}  # moves that an order may repeat
ASKED_BY_THE_GATEWAY = ".replica.announced.v1"  # it asks, and has no outbox that would say so


@dataclass(frozen=True)
class Expected:
    """What is known beforehand: who hears what, what was promised, which poison was poured."""

    subscriptions: Mapping[str, Set[str]]
    acknowledged: Mapping[str, str] = field(default_factory=dict)  # order number by key
    contradictions: tuple[str, ...] = ()
    poison: frozenset[str] = frozenset()  # ids of events that must end as dead letters
    strangers: frozenset[str] = frozenset()  # ids of events that we put on the bus ourselves
    before: frozenset[str] = frozenset()  # events of the beginning, when nobody listened yet
    consumers: Mapping[str, int] = field(default_factory=dict)
    ordered: bool = True  # False: somebody shuffled on purpose


@dataclass
class Verdict:
    """What was found, in Jepsen's words."""

    broken: list[str] = field(default_factory=list)
    lost: int = 0  # acknowledged orders or events that are nowhere
    double_applied: int = 0  # effects that happened twice


Rule = Callable[[Facts, Expected, Verdict], Iterator[str]]
RULES: list[Rule] = []


def check(facts: Facts, expected: Expected) -> Verdict:
    """Every rule that is broken."""
    verdict = Verdict()
    for rule in RULES:
        verdict.broken += rule(facts, expected, verdict)
    return verdict


def _rule(rule: Rule) -> Rule:
    RULES.append(rule)
    return rule


@_rule
def every_event_reaches_every_subscriber_once(
    facts: Facts, expected: Expected, verdict: Verdict
) -> Iterator[str]:
    """I1."""
    said = {each.id: each.type for each in facts.said}
    heard_by: dict[str, Counter[str]] = defaultdict(Counter)
    for each in facts.heard:
        heard_by[each.service][each.id] += 1
    for service, types in expected.subscriptions.items():
        heard = heard_by[service]
        wanted = {id_ for id_, type_ in said.items() if type_ in types} - expected.poison
        missing = [id_ for id_ in wanted if id_ not in heard]
        verdict.lost += len(missing)
        if missing:
            example = missing[0]
            yield f"I1: {service} never heard {len(missing)} events, such as {said[example]} {example}"
        ours = expected.strangers
        strange = [
            each for each in facts.heard
            if each.service == service and each.id not in said and each.id not in ours
            and each.type in types
        ]  # fmt: skip
        if strange:
            yield f"I1: {service} heard {len(strange)} events that nobody said, such as {strange[0]}"
        doubled = [id_ for id_, times in heard.items() if times > 1]
        verdict.double_applied += len(doubled)
        if doubled:
            yield f"I1: {service} has {len(doubled)} events twice in its inbox"


@_rule
def every_effect_happens_once(facts: Facts, _: Expected, verdict: Verdict) -> Iterator[str]:
    """I2: each order moves once along each step, and its goods move once for each cause."""
    moves = Counter((order, what) for order, what in facts.timeline if what not in MANY_TIMES)
    stock = Counter(
        (sku, cause, order)
        for sku, cause, _, _, order in facts.movements
        if order not in ("", "None") and cause in ("committed", "returned")
    )
    for things, name in ((moves, "moves of orders"), (stock, "movements of stock")):
        doubled = [key for key, times in things.items() if times > 1]
        verdict.double_applied += len(doubled)
        if doubled:
            yield f"I2: {len(doubled)} {name} happened twice, such as {doubled[0]}"


@_rule
def stock_adds_up(facts: Facts, _: Expected, verdict: Verdict) -> Iterator[str]:
    """I3: shelves say what their movements say, never less than nothing, and hold nothing idly."""
    on_hand: Counter[str] = Counter()
    held: Counter[str] = Counter()
    gone: Counter[tuple[str, str]] = Counter()
    for sku, cause, change, held_change, order in facts.movements:
        on_hand[sku] += change
        held[sku] += held_change
        if cause in ("committed", "returned"):
            gone[(order, sku)] -= change
    for sku, says, says_held in facts.shelves:
        if says < 0 or says_held < 0 or says_held > says:
            yield f"I3: the shelf of {sku} is impossible: {says} on hand, {says_held} held"
        if (says, says_held) != (on_hand[sku], held[sku]):
            yield f"I3: the shelf of {sku} says {says}/{says_held}, its ledger {on_hand[sku]}/{held[sku]}"
    for order, state in facts.holds:
        if state == "held":
            yield f"I3: goods are still held for order {order}"
    yield from _sold_is_what_orders_say(facts, gone, verdict)


def _sold_is_what_orders_say(
    facts: Facts, gone: Counter[tuple[str, str]], verdict: Verdict
) -> Iterator[str]:
    confirmed = {order for order, _, status, payment, _ in facts.orders
                 if status == "confirmed" and payment == "captured"}  # fmt: skip
    sold: Counter[tuple[str, str]] = Counter()
    for order, sku, quantity in facts.lines:
        if order in confirmed:
            sold[(order, sku)] += quantity
    wrong = [key for key in sold.keys() | gone.keys() if sold[key] != gone[key]]
    if wrong:
        key = wrong[0]
        yield (
            f"I3: {len(wrong)} lines left the shelf otherwise than their orders say, such as "
            f"{key}: ordered {sold[key]}, gone {gone[key]}"
        )
    verdict.double_applied += sum(1 for key in wrong if gone[key] > sold[key] > 0)


@_rule
def money_adds_up(facts: Facts, _: Expected, __: Verdict) -> Iterator[str]:
    """I4: confirmed orders keep exactly their total, all others nothing, and the bank agrees."""
    kept = {order: captured - refunded for order, captured, refunded in facts.payments}
    bank = {
        key.replace("-", ""): (amount if state == "captured" else 0) - refunded
        for key, state, amount, refunded in facts.charges
    }
    for order, number, status, payment, total in facts.orders:
        due = total if status == "confirmed" and payment == "captured" else 0
        if kept.get(order, 0) != due:
            yield f"I4: order {number} is {status}/{payment} and keeps {kept.get(order)}, due {due}"
        if bank.get(order, 0) != due:
            yield f"I4: the bank keeps {bank.get(order)} of order {number} ({status}), due {due}"
    orphans = bank.keys() - {order for order, *_ in facts.orders}
    if any(bank[key] for key in orphans):
        yield f"I4: the bank keeps money of {len(orphans)} orders that do not exist"


@_rule
def every_saga_has_ended(facts: Facts, _: Expected, __: Verdict) -> Iterator[str]:
    """I5."""
    open_ = [order for order, step in facts.steps.items() if step != "done"]
    if open_:
        yield f"I5: {len(open_)} checkouts are under way, such as {open_[0]} ({facts.steps[open_[0]]})"


@_rule
def every_promise_is_kept(facts: Facts, expected: Expected, verdict: Verdict) -> Iterator[str]:
    """I6: what was acknowledged exists, once, and every order has one end."""
    stored = Counter(number for _, number, *_ in facts.orders)
    missing = [number for number in expected.acknowledged.values() if number not in stored]
    verdict.lost += len(missing)
    if missing:
        yield f"I6: {len(missing)} acknowledged orders do not exist, such as {missing[0]}"
    shared = [n for n, times in Counter(expected.acknowledged.values()).items() if times > 1]
    if shared:
        yield f"I6: order {shared[0]} was promised for two keys"
    yield from (f"I6: {each}" for each in expected.contradictions)
    open_ = [
        number for _, number, status, *_ in facts.orders if status not in ("confirmed", "cancelled")
    ]
    if open_:
        yield f"I6: {len(open_)} orders have no end, such as {open_[0]}"


@_rule
def versions_never_go_down(facts: Facts, expected: Expected, _: Verdict) -> Iterator[str]:
    """I7: each consumer hears each aggregate in the order in which it was said."""
    if not expected.ordered:
        return
    told = [each.id for each in facts.said if each.id not in expected.before]
    place = {id_: at for at, id_ in enumerate(told)}
    heard = [each for each in facts.heard if each.id in place and each.aggregate]
    last: dict[tuple[str, str], int] = {}
    wrong: list[str] = []
    for each in sorted(heard, key=lambda each: (each.at, place[each.id])):
        key = (each.service, each.aggregate)
        if last.get(key, -1) > place[each.id]:
            wrong.append(f"{each.service} heard {each.type} of {each.aggregate} late ({each.at})")
        last[key] = max(last.get(key, -1), place[each.id])
    if wrong:
        yield f"I7: {len(wrong)} events were heard out of order, such as: {wrong[0]}"


@_rule
def nothing_is_left_over(facts: Facts, expected: Expected, _: Verdict) -> Iterator[str]:
    """I8: all is sent, nothing is parked, and only what was poisoned is dead."""
    unsent = [each for each in facts.said if not each.sent]
    if unsent:
        yield f"I8: {len(unsent)} events were not sent, such as {unsent[0].type} of {unsent[0].service}"
    alive = [each for each in facts.parked if not each.dead]
    if alive:
        yield f"I8: {len(alive)} events are parked, such as {alive[0]}"
    dead = {each.id for each in facts.parked if each.dead}
    unexpected = [each for each in facts.parked if each.dead and each.id not in expected.poison
                  and not each.id.startswith("unreadable")]  # fmt: skip
    if unexpected:
        yield f"I8: {len(unexpected)} events died, such as {unexpected[0]}"
    survived = expected.poison - dead
    if survived:
        yield f"I8: {len(survived)} poisonous events are no dead letters"


@_rule
def the_copy_equals_the_offer(facts: Facts, _: Expected, __: Verdict) -> Iterator[str]:
    """I9: what the shop believes about the offer is what the catalog offers.

    The last of each is the version of the stock: a sale of what was held counts it up and is not
    told, since buyers see no difference. So the shop may lag behind in it, and never be ahead.
    """
    for sku in facts.offers.keys() | facts.copies.keys():
        offer, copy = facts.offers.get(sku, ()), facts.copies.get(sku, ())
        if offer[:-1] != copy[:-1] or copy[-1:] > offer[-1:]:
            yield f"I9: the catalog offers {sku} as {offer}, the shop knows it as {copy}"
            return


@_rule
def queues_are_empty_and_heard(facts: Facts, expected: Expected, _: Verdict) -> Iterator[str]:
    """I10: nothing waits, and everybody who should listen does."""
    for queue, depth in facts.waiting.items():
        if depth:
            yield f"I10: {depth} messages wait in {queue}"
    for queue, wanted in expected.consumers.items():
        if facts.consumers.get(queue, 0) != wanted:
            yield f"I10: {queue} has {facts.consumers.get(queue, 0)} consumers, not {wanted}"


@_rule
def every_trace_is_connected(facts: Facts, expected: Expected, _: Verdict) -> Iterator[str]:
    """I12: what caused an event is an event that exists, of the same story and trace."""
    known = {each.id: each for each in facts.said}
    for each in facts.said:
        if not each.causation or each.causation in expected.strangers:
            continue
        cause = known.get(each.causation)
        if cause is None and each.type.endswith(ASKED_BY_THE_GATEWAY):
            continue
        if cause is None:
            yield f"I12: {each.type} was caused by {each.causation}, which nobody said"
            return
        same_trace = cause.traceparent.split("-")[1:2] == each.traceparent.split("-")[1:2]
        if cause.correlation != each.correlation or not same_trace:
            yield f"I12: {each.type} {each.id} and its cause are of different stories"
            return
