"""Pictures that staff send: drawn anew, or refused."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image
from starlette.testclient import TestClient

from shared.service import Service
from shared.testing import bearer, sent_by
from shared.uploads import picture_from
from tests.catalog_service.builders import products

URL = "/api/catalog/v1/products/MUG/images"


@pytest.fixture
def headers(service: Service) -> dict[str, str]:
    products(service, MUG=1)
    return bearer(service, permissions=["catalog.change_product"])


def drawn(kind: str = "PNG", size: tuple[int, int] = (60, 40), mode: str = "RGB") -> bytes:
    out = BytesIO()
    Image.new(mode, size).save(out, kind)
    return out.getvalue()


def a_bomb() -> bytes:
    """A PNG of a few bytes that says it is 60,000 pixels wide and high."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGBA"), ("JPEG", "CMYK"), ("GIF", "P"), ("WEBP", "RGB")]
)
def test_a_picture_is_stored_as_webp_and_shown(
    service: Service, client: TestClient, headers: dict[str, str], kind: str, mode: str
) -> None:
    sent = {"file": ("my photo.exe", drawn(kind, mode=mode), "application/x-msdownload")}

    made = client.post(URL, files=sent, data={"alt": "A blue mug"}, headers=headers)

    image = made.json()["images"][0]
    assert (made.status_code, image["alt"], image["width"], image["height"]) == (
        201,
        "A blue mug",
        60,
        40,
    )
    assert made.json()["image_url"] == image["url"]
    served = client.get(image["url"])
    assert served.headers["content-type"] == "image/webp"
    assert "immutable" in served.headers["cache-control"]
    assert Image.open(BytesIO(served.content)).format == "WEBP"
    assert sent_by(service)[-1].data["image_url"] == image["url"]


def test_a_second_file_hidden_in_a_picture_is_gone(
    client: TestClient, headers: dict[str, str]
) -> None:
    polyglot = drawn("GIF") + b"<script>alert(1)</script>PK\x03\x04<?php evil(); ?>"

    made = client.post(URL, files={"file": ("x.php.gif", polyglot, "text/html")}, headers=headers)

    served = client.get(made.json()["images"][0]["url"])
    assert b"script" not in served.content
    assert b"php" not in served.content
    assert served.headers["x-content-type-options"] == "nosniff"
    assert ".php" not in made.json()["image_url"]


NO_PICTURES = {
    "nothing": b"",
    "text": b"not a picture",
    "half a picture": drawn()[:40],
    "a drawing": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "a bomb": a_bomb(),
    "only a head": b"GIF89a<script>alert(1)</script>",
    "noise": b"\xff\xd8\xff\xe0" + b"\0" * 500,
    "another kind": drawn("BMP"),
}


@pytest.mark.parametrize("raw", NO_PICTURES.values(), ids=NO_PICTURES)
def test_what_is_no_picture_is_refused(
    client: TestClient, headers: dict[str, str], raw: bytes
) -> None:
    refused = client.post(URL, files={"file": ("mug.png", raw, "image/png")}, headers=headers)

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "file"


@pytest.mark.parametrize("body", [{"data": {"file": "just text"}}, {"content": b"raw"}, {}])
def test_a_form_without_a_file_is_refused(
    client: TestClient, headers: dict[str, str], body: dict[str, bytes]
) -> None:
    assert client.post(URL, headers=headers, **body).status_code == 422  # type: ignore[arg-type]


def test_a_file_that_is_too_large_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    large = {"file": ("mug.png", b"\0" * (11 * 1024 * 1024), "image/png")}
    huge = {"file": ("mug.png", b"\0" * (13 * 1024 * 1024), "image/png")}

    assert client.post(URL, files=large, headers=headers).status_code == 422
    assert client.post(URL, files=huge, headers=headers).status_code == 413


def test_a_large_picture_is_made_smaller() -> None:
    picture = picture_from(drawn("JPEG", size=(3200, 1600)))

    assert (picture.width, picture.height) == (1600, 800)


def test_a_picture_is_turned_upright_and_forgets_where_it_was_taken() -> None:
    raw, exif = BytesIO(), Image.Exif()
    exif[0x0112], exif[0x8825] = 6, {1: "N", 2: (52.0, 22.0, 0.0)}
    Image.new("RGB", (60, 40)).save(raw, "JPEG", exif=exif)

    picture = picture_from(raw.getvalue())

    assert (picture.width, picture.height) == (40, 60)
    assert not dict(Image.open(BytesIO(picture.content)).getexif())


def test_pictures_keep_their_order_and_the_first_is_the_face(
    client: TestClient, headers: dict[str, str]
) -> None:
    for width in (10, 20):
        file = {"file": ("x.png", drawn(size=(width, 10)), "image/png")}
        body = client.post(URL, files=file, headers=headers).json()
    first, second = body["images"]

    left = client.delete(f"{URL}/{first['url'].rsplit('/', 1)[1]}", headers=headers).json()
    gone = client.delete(f"{URL}/nothing", headers=headers)

    assert (first["width"], second["width"]) == (10, 20)
    assert left["image_url"] == second["url"]
    assert gone.status_code == 404


def test_the_same_upload_under_one_key_is_one_picture(
    client: TestClient, headers: dict[str, str]
) -> None:
    content = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="m.png"\r\n\r\n'
        + drawn()
        + b"\r\n--b--\r\n"
    )
    keyed = {**headers, "idempotency-key": "k", "content-type": "multipart/form-data; boundary=b"}

    first = client.post(URL, content=content, headers=keyed)
    again = client.post(URL, content=content, headers=keyed)

    assert (first.status_code, again.status_code) == (201, 201)
    assert len(again.json()["images"]) == 1
