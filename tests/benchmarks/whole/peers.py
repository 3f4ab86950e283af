"""What the same work costs elsewhere: CPU in ms per call, application + PostgreSQL.

Measured by us in November 2026 on a machine of this kind (2 cores, 24 GB, Debian 12, PostgreSQL
15 with Debian's defaults), at 8 clients: django-oscar 4.2.1, Vendure 3.7.3, Saleor 3.23.28, Medusa
2.21.2, each as its documentation says for production. The machine was shared; differences below
a factor of two mean little. Payloads differ a little from system to system.
"""

PEERS = {
    "list": "Vendure 6.0 (search index), Medusa 24, Saleor 59",
    "detail": "Oscar 8.7 (no price), Vendure 15, Medusa 23, Saleor 70",
    "search": "Medusa 39, Saleor 58, Vendure 101, Oscar 117",
    "cart": "Oscar 26, Vendure 27, Medusa 140, Saleor 146",
    "checkout": "Oscar 63 (no payment), Vendure 180, Saleor 918, Medusa 935",
}
