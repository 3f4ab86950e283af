"""What a newcomer wants to know when the shop is up."""

from __future__ import annotations

from deploy.local.plan import Part

SHOPPER = ("shopper@quintet.example", "quintet demo shopper")
GOOD_CARD, DECLINED_CARD, POOR_CARD = (
    "4242 4242 4242 4242",
    "4000 0000 0000 0002",
    "4000 0000 0000 9995",
)


def welcome(gateway: Part, seconds: float, *, real: bool) -> list[str]:
    """The lines of the box shown when everything is ready."""
    at = gateway.environment["QUINTET_PUBLIC_URL"]
    stack = "PostgreSQL and RabbitMQ" if real else "embedded: no database server, no broker"
    email, password = SHOPPER
    return [
        f"Quintet is ready in {seconds:.1f} s ({stack})",
        "",
        f"Shop        {at}/",
        f"Admin       {at}/admin/       (make superuser creates your account)",
        f"API         {at}/docs",
        "",
        f"Shopper     {email}  password: {password}",
        f"Test cards  {GOOD_CARD} pays",
        f"            {DECLINED_CARD} is declined, {POOR_CARD} lacks funds",
        "",
        "Ctrl-C stops everything. Data stays in " + gateway.environment["QUINTET_VAR"],
    ]
