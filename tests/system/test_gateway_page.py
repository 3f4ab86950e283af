"""Operators see and steer the gateway of the whole platform, by permissions that auth keeps."""

from __future__ import annotations

from tests.system.shopper import PASSWORD, Shopper, ok

PAGE, TWIN = "/admin/gateway/", "/admin/gateway.json"
LOOK, STEER = "gateway.view_traffic", "gateway.steer_traffic"


def grant(staff: Shopper, somebody: Shopper, *permissions: str) -> None:
    """Let them do this."""
    known = {each["name"] for each in ok(staff.get("/api/auth/v1/permissions"), 200)["items"]}
    assert set(permissions) <= known
    me = ok(somebody.get("/api/auth/v1/users/me"), 200)
    account = staff.get(f"/api/auth/v1/users/{me['id']}")
    changed = staff.http.patch(
        f"/api/auth/v1/users/{me['id']}",
        json={"permissions": list(permissions)},
        headers={**staff.headers, "if-match": account.headers["etag"]},
    )
    ok(changed, 200)


def test_whoever_holds_the_permission_sees_the_gateway(staff: Shopper, shopper: Shopper) -> None:
    shopper.register()
    refused = shopper.get(PAGE)
    grant(staff, shopper, LOOK)

    page, told = shopper.get(PAGE), ok(shopper.get(TWIN), 200)

    assert refused.status_code == 403
    assert page.status_code == 200
    assert "csrf_token" not in page.text
    assert {each["name"]: each["state"] for each in told["services"]} == dict.fromkeys(
        ("auth", "catalog", "shop"), "calm"
    )
    assert told["hears_events"] is True
    assert told["routes_file"]["refusal"] is None
    assert {"shop", "catalog"} <= {each["service"] for each in told["routes"]}


def test_steering_needs_its_own_permission(staff: Shopper, shopper: Shopper) -> None:
    shopper.register()
    grant(staff, shopper, LOOK)
    refused = shopper.post(f"{PAGE}cache/purge")
    grant(staff, shopper, LOOK, STEER)

    done = shopper.post(f"{PAGE}cache/purge")

    assert refused.status_code == 403
    assert done.status_code == 200
    assert done.json()["did"].startswith("Forgot everything")


def test_a_guest_is_asked_to_sign_in(shopper: Shopper) -> None:
    shopper.headers = {"accept": "text/html"}
    assert shopper.get(PAGE).headers["location"] == f"/account/sign-in?next={PAGE}"
    assert shopper.get(TWIN).status_code == 401
    assert PASSWORD not in shopper.get(TWIN).text
