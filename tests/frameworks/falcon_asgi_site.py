"""The site in Falcon, under ASGI."""

from falcon.asgi import App, Request, Response

import sqreen_mw as sqreen
from sqreen_mw import SqreenMiddleware


class Hello:
    """Tracks by the request and at module level, and identifies."""

    async def on_get(self, req: Request, resp: Response, name: str) -> None:
        """Greet."""
        req.scope["state"]["sqreen"].track("by.request", properties={"name": name})
        sqreen.track("by.module", request=req)
        sqreen.identify({"email": f"{name}@example.org"})
        resp.text = f"hello {name}"


class Coupons:
    """Reads JSON."""

    async def on_post(self, req: Request, resp: Response) -> None:
        """Answer with what came."""
        sqreen.track("coupon.applied", collect_body=True)
        resp.media = await req.get_media()


class Boom:
    """Fails."""

    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002 Falcon's names
        """Fail."""
        sqreen.track("boom")
        raise RuntimeError("a failing view")


falcon = App()
falcon.add_route("/hello/{name}", Hello())
falcon.add_route("/coupons", Coupons())
falcon.add_route("/boom", Boom())
app = SqreenMiddleware(falcon)
