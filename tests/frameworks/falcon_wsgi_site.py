"""The site in Falcon, under WSGI."""

from falcon import App, Request, Response

import sqreen_mw as sqreen
from sqreen_mw import SqreenWSGIMiddleware


class Hello:
    """Identifies, and tracks through the request and the module."""

    def on_get(self, req: Request, resp: Response, name: str) -> None:
        """Respond with a greeting."""
        req.env["sqreen.request"].track("by.request", properties={"name": name})
        sqreen.track("by.module", request=req)
        sqreen.identify({"email": f"{name}@example.org"})
        resp.text = f"hello {name}"


class Coupons:
    """Reads a JSON body."""

    def on_post(self, req: Request, resp: Response) -> None:
        """Respond with the body."""
        sqreen.track("coupon.applied", collect_body=True)
        resp.media = req.media


class Boom:
    """Raises an error."""

    def on_get(self, req: Request, resp: Response) -> None:
        """Raise an error."""
        sqreen.track("boom")
        raise RuntimeError("a failing view")


falcon = App()
falcon.add_route("/hello/{name}", Hello())
falcon.add_route("/coupons", Coupons())
falcon.add_route("/boom", Boom())
app = SqreenWSGIMiddleware(falcon)
