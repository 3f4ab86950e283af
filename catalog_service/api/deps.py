"""What routes for staff may ask for in their signature."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request
from starlette.datastructures import UploadFile

from catalog_service.db.products import lock_product
from catalog_service.domain.errors import PictureRefused
from shared.http.deps import needs
from shared.http.etags import check_if_match
from shared.identity import Principal
from shared.uploads import Files
from shared.work import Work

MayChangeProduct = Annotated[Principal, needs("catalog.change_product")]
MayChangePrice = Annotated[Principal, needs("catalog.change_price")]
MayChangeCategory = Annotated[Principal, needs("catalog.change_category")]
MayChangeStock = Annotated[Principal, needs("catalog.change_stock")]
MayViewStock = Annotated[Principal, needs("catalog.view_stock")]
IfMatch = Annotated[str | None, Header(description="The ETag of the product as you saw it.")]

# A product's ETag also covers what moves by itself (its stock); an editor answers for the rest.
DIGEST = re.compile(r"\.[0-9a-f]+\"")


@dataclass(frozen=True, slots=True)
class Sent:
    """A picture as it was sent."""

    content: bytes
    alt: str


def must_have_seen(work: Work, sku: str, if_match: str | None) -> None:
    """Refuse (412) a change by someone who saw an older version of the product."""
    product = lock_product(work, sku)
    check_if_match(if_match and DIGEST.sub('"', if_match), product.version)


def files_of(request: Request) -> Files:
    """Where pictures are kept."""
    files: Files = request.app.state.files
    return files


async def sent_picture(request: Request) -> Sent:
    """The form's `file` and `alt`."""
    await request.body()  # kept by the request, so that its digest can be taken as well
    async with request.form(max_files=1, max_fields=5) as form:
        file, alt = form.get("file"), form.get("alt")
        if not isinstance(file, UploadFile):
            raise PictureRefused("Send the picture as the field “file” of a multipart form.")
        content = await file.read()
    if len(content) > request.app.state.picture_limit:
        raise PictureRefused("This file is too large.")
    return Sent(content, alt if isinstance(alt, str) else "")


FilesDep = Annotated[Files, Depends(files_of)]
SentPicture = Annotated[Sent, Depends(sent_picture)]
