"""The names of request fields: which pass, which stay outside, which mean something to us."""

from __future__ import annotations

UNKNOWN, PASS, DROP, READ = 0, 1, 2, 3
KINDS = (
    dict.fromkeys(
        (
            b"accept accept-encoding accept-language user-agent cache-control pragma referer "
            b"if-match if-none-match if-modified-since if-unmodified-since if-range range prefer "
            b"priority dnt upgrade-insecure-requests content-encoding sec-fetch-mode "
            b"sec-fetch-dest sec-fetch-user sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform "
            b"x-cart-token x-requested-with"
        ).split(),
        PASS,
    )
    # Between the client and us only (RFC 9110, section 7.6.1), or words about who somebody is
    # that nobody outside may speak.
    | dict.fromkeys(
        (
            b"keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer "
            b"upgrade http2-settings forwarded x-real-ip x-original-url x-rewrite-url "
            b"x-original-host true-client-ip x-client-ip x-cluster-client-ip remote-user "
            b"cf-connecting-ip fastly-client-ip x-forwarded x-host proxy via "
            b"client-cert client-cert-chain x-originating-ip x-proxyuser-ip x-client-verify "
            b"x-http-method x-http-method-override x-method-override x-sendfile"
        ).split(),
        DROP,
    )
    | dict.fromkeys(
        (
            b"host content-length transfer-encoding connection cookie authorization expect origin "
            b"x-request-id x-request-timeout-ms traceparent tracestate "
            b"content-type idempotency-key x-csrf-token sec-fetch-site max-forwards"
        ).split(),
        READ,
    )
)
IDENTITY_LIKE = (
    b"x-user",
    b"x-internal",
    b"x-forwarded",
    b"x-remote",
    b"x-auth",
    b"x-principal",
    b"x-client-cert",
    b"x-ssl",
    b"x-webauth",
    b"x-envoy",
    b"x-accel",
    b"ssl-client",
)
