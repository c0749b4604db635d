"""websockets: an echo through the gateway (--ws-url, or fake.py's own /ws/echo beside --base-url); see driver.py."""

import asyncio
import os
import ssl

import websockets
import websockets.exceptions
from driver import PATIENCE, Skip, case, cfg, check, main

URL = cfg.ws or (cfg.root.replace("http", "ws", 1) + "/ws/echo" if cfg.fake else "")
GOOD = cfg.headers or {"Authorization": "Bearer " + cfg.key}
TLS = ssl.create_default_context(cafile=cfg.ca) if URL.startswith("wss") else None


def connect(headers=GOOD):
    if not URL:
        raise Skip("no --ws-url")
    return websockets.connect(
        URL, additional_headers=headers, ssl=TLS, max_size=None, open_timeout=PATIENCE, proxy=None
    )


@case("echo")
def _():
    async def go():
        async with connect() as w:
            for data in ("hello", "Gr\u00fc\u00dfe \U0001f600" * 1000, os.urandom(1 << 20), b""):
                await w.send(data)
                got = await asyncio.wait_for(w.recv(), 2 * PATIENCE)
                check(got == data, f"{len(data)} bytes came back changed")
            await asyncio.wait_for(await w.ping(), PATIENCE)
            return w.protocol.handshake_exc

    asyncio.run(go())
    return "text, 1 MiB, empty, ping"


@case("close-code")
def _():
    async def go():
        w = await connect()
        await w.close(4001, "bye")
        return w.close_code, w.close_reason

    got = asyncio.run(go())
    check(got == (4001, "bye"), f"close came back as {got!r}")


@case("idle")
def _():
    async def go():
        async with connect() as w:
            await asyncio.sleep(cfg.slow)
            await w.send("still here")
            check(await asyncio.wait_for(w.recv(), PATIENCE) == "still here", "lost")

    asyncio.run(go())
    return f"{cfg.slow:.0f} s of silence"


@case("wrong-key")
def _():
    async def go():
        async with connect(cfg.wrong_headers or {"Authorization": "Bearer sk-wrong"}):
            pass

    try:
        asyncio.run(go())
    except websockets.exceptions.InvalidStatus as e:
        check(e.response.status_code == 401, f"status {e.response.status_code}")
        return "401 at the handshake"
    raise AssertionError("let in with a wrong key")


main()
