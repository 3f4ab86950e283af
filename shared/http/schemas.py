"""Bodies: what comes in is checked to the last field, what goes out is what is declared."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class In(BaseModel):
    """A request body. A field that it does not know is an error, not noise."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Out(BaseModel):
    """A response body, made from rows, values or events by attribute."""

    model_config = ConfigDict(from_attributes=True)
