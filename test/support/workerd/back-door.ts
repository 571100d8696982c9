import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { ReplyError } from "../../../src/core/errors.ts";
import type { Command, Redis, Reply } from "../../../src/core/port/redis.ts";

/**
 * Lets the tests inside a Worker look at the server and break it, by commands that the gateway refuses: CONFIG RESETSTAT, SLOWLOG.
 * It speaks just enough of the REST protocol for the `rest` adapter.
 */
export async function openBackDoor(redis: Redis): Promise<{ readonly url: string; close(): void }> {
  const answer = async (body: string) => {
    const sent = JSON.parse(body) as Command | readonly Command[];
    if (!isList(sent)) return redis.send(sent).then(result, refusal);
    return (await redis.pipeline(sent)).map((reply) => (reply instanceof ReplyError ? refusal(reply) : result(reply)));
  };
  const server = createServer((request, response) => {
    void text(request).then(async (body) => response.end(JSON.stringify(await answer(body))));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function isList(sent: Command | readonly Command[]): sent is readonly Command[] {
  return Array.isArray(sent[0]);
}

function result(reply: Reply): { readonly result: Reply } {
  return { result: encoded(reply) };
}

function refusal(error: unknown): { readonly error: string } {
  if (error instanceof ReplyError) return { error: error.message };
  throw error;
}

function encoded(reply: Reply): Reply {
  if (Array.isArray(reply)) return reply.map(encoded);
  return typeof reply === "string" ? Buffer.from(reply).toString("base64") : reply;
}
