"""Buttons on lists and rows: each runs one function in one transaction and says what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette_admin.actions import ActionSelection

from shared.identity import Principal


@dataclass(frozen=True, slots=True)
class Asked:
    """Who pressed the button, and what they typed into its questions."""

    by: Principal
    answers: Mapping[str, str]


@dataclass(frozen=True)
class Button:
    """How a button looks, and who may press it."""

    words: str
    permission: str
    confirm: str = ""
    questions: Mapping[str, str] = field(default_factory=dict)
    danger: bool = False
    icon: str = ""

    def described(self, name: str) -> dict[str, Any]:
        """What the panel wants to know of it."""
        asks = bool(self.confirm or self.questions)
        return {
            "name": name,
            "text": self.words,
            "confirmation": (self.confirm or f"{self.words}?") if asks else None,
            "header": None,
            "submit_btn_text": self.words,
            "submit_btn_class": "btn btn-danger" if self.danger else "btn btn-primary",
            "action_btn_class": "btn btn-outline-danger" if self.danger else "btn",
            "icon_class": self.icon or None,
            "form": _form(self.questions),
            "custom_response": False,
            "allow_empty_selection": False,
            "dedicated_button": False,
            "exclude_from_list": False,
            "exclude_from_detail": False,
            "modal_size": "sm",
        }


Act = Callable[..., str]


def bulk_action(words: str, *, permission: str, **look: Any) -> Callable[[Act], Any]:
    """A button over the list, for the rows that are ticked.

    It decorates `def publish(self, work, ids, asked) -> str`; the sentence it returns is shown.
    `confirm` asks first, `questions={"reason": "Why?"}` also asks for words (in asked.answers).
    """
    return _decorator(Button(words, permission, **look), "_action")


def row_action(words: str, *, permission: str, **look: Any) -> Callable[[Act], Any]:
    """A button on each row and on its page; else like `bulk_action`, with one id in `ids`."""
    return _decorator(Button(words, permission, **look), "_row_action")


def _decorator(button: Button, mark: str) -> Callable[[Act], Any]:
    def decorate(act: Act) -> Any:
        async def pressed(self: Any, request: Request, target: Any) -> None:
            chosen = await target.pks() if isinstance(target, ActionSelection) else [target]
            await self.press(request, act, chosen, button)

        pressed.__name__, pressed.__doc__ = act.__name__, act.__doc__
        vars(pressed).update({mark: button.described(act.__name__), "button": button})
        return pressed

    return decorate


def _form(questions: Mapping[str, str]) -> str:
    inputs = [
        Markup(
            '<div class="mt-3 text-start"><label class="form-label">{label}'
            '<input type="text" class="form-control" name="{name}" required></label></div>'
        ).format(name=name, label=label)
        for name, label in questions.items()
    ]
    return Markup("<form>{}</form>").format(Markup("").join(inputs)) if inputs else ""
