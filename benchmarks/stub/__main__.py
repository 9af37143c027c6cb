"""The stub server: ``python -m benchmarks.stub [--stalls]`` prints its port.

With ``--delay`` it waits that many seconds before each answer; the events are counted before.
"""

import argparse
import asyncio
import sys
from typing import Final

from benchmarks.stub.dialects import StubAnswer, read

COUNT_PATH: Final = "/count"
OTHERS_PATH: Final = "/others"
"""Returns the number of other open connections."""
_HEAD: Final = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class StubServer:
    """Answers each product in its own protocol, or never answers."""

    def __init__(self, *, stalls: bool, delay: float) -> None:
        self._stalls: Final = stalls
        self._delay: Final = delay
        self._events = 0
        self._connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection until the client closes it."""
        self._connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                answer = await self._answer(head.decode("latin-1").split("\r\n"), reader)
                writer.write(_HEAD % (answer.status, len(answer.answer)) + answer.answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self._connections -= 1
            writer.close()

    async def _answer(self, head: list[str], reader: asyncio.StreamReader) -> StubAnswer:
        path = head[0].split(" ")[1]
        if path in {COUNT_PATH, OTHERS_PATH}:
            asked = self._events if path == COUNT_PATH else self._connections - 1
            return StubAnswer(0, answer=str(asked).encode())
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(fields["content-length"]))
        if self._stalls:
            await asyncio.Event().wait()
        answer = read(path, fields.get("content-encoding", ""), body)
        self._events += answer.events
        await asyncio.sleep(self._delay)
        return answer


async def main() -> None:
    """Serve until the process is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stalls", action="store_true")
    parser.add_argument("--delay", type=float, default=0)
    given = parser.parse_args()
    stub = StubServer(stalls=given.stalls, delay=given.delay)
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0, limit=2**20)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
