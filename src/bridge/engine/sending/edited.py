"""Writing a plan about copies into the ledger, and telling the vendor's own people of what they should know."""

from __future__ import annotations

from dataclasses import replace

from bridge.engine.sending.confirm import confirm_edit, confirm_hide
from bridge.engine.state import GroupState
from bridge.engine.texts.edits import EditsPlan
from bridge.model.document import Document, doc, node, paragraph, text
from bridge.model.operation import OperationKind, OperationState
from bridge.store.ledger import Transaction
from bridge.store.links import Item

COPY_EDITED = "copy_edited"
TAKEN_BACK = "taken_back"
VANISHED = "vanished"
RETRACTED = "retracted"


def record_edits(transaction: Transaction, state: GroupState, plan: EditsPlan) -> None:
    """Journal and rows; each thing people should know becomes a line of the audit trail and a reason for a note."""
    group, links = state.hand.group, transaction.links
    for one in plan.confirmed:
        (confirm_edit if one.kind is OperationKind.EDIT else confirm_hide)(transaction, one)
    transaction.journal.change([one.key for one in plan.again], state=OperationState.PLANNED)
    for item in plan.forgotten:
        links.drop_item(group, item)
    for item in plan.items:
        links.put_item(group, item)
    for item, why in plan.taken_back:
        transaction.note("taken_back", group=group, item=item.source_id, why=why)
        transaction.notices.record(group, TAKEN_BACK, item.source_id, _taken_back(state, item, why))
    for item in plan.foreign:
        links.put_item(group, item)
        transaction.note("copy_edited", group=group, item=item.source_id, copy=item.target_id)
        transaction.notices.record(group, COPY_EDITED, item.source_id, _copy_edited(state, item))
    for item in plan.restored:
        links.put_item(group, replace(item, foreign_hash=""))
        transaction.notices.solve(group, COPY_EDITED, item.source_id)
    if plan.vanished and (VANISHED, "") not in state.notices:
        transaction.note("vanished", group=group, number=plan.vanished)
        transaction.notices.record(group, VANISHED, "", _vanished(plan.vanished))
    for comment, took in plan.retractions:
        transaction.note("retracted", group=group, comment=comment, took=took)
        if not took:
            transaction.notices.record(group, RETRACTED, comment, _nothing_to_retract())


def _taken_back(state: GroupState, item: Item, why: str) -> Document:
    site = state.route.end(item.side.other).site
    return doc(
        paragraph(node("strong", text(f"A text that stood at {site} is being taken back: {why}."))),
        paragraph(text("Whoever got it by mail still has it, and files sent with it stay.")),
    )


def _copy_edited(state: GroupState, item: Item) -> Document:
    end = state.route.end(item.side.other)
    what = "deleted" if item.foreign_hash == "gone" else "changed"
    return doc(
        paragraph(node("strong", text(f"Somebody {what} a text that bridge had copied to {end.site}."))),
        paragraph(text("bridge leaves it so, and sends nothing back: copies are only there to be read.")),
    )


def _vanished(number: int) -> Document:
    return doc(
        paragraph(node("strong", text(f"{number} texts whose copies stand on the other side are not there any more."))),
        paragraph(text("That many at once were hardly deleted by people, so bridge takes nothing back.")),
    )


def _nothing_to_retract() -> Document:
    return doc(paragraph(text("There is no text of this case left that /retract could take back.")))
