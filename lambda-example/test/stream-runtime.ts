import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import type { APIGatewayProxyEventV2, Context, StreamifyHandler } from "aws-lambda";

/**
 * What Lambda does with a bundle whose answers are streams: the global `awslambda`, and one event after the other. File descriptor 3 carries
 * the head of each answer, its chunks, and its end.
 */
const tell = (message: object) => writeSync(3, `${JSON.stringify(message)}\n`);

Object.assign(globalThis, {
  awslambda: {
    streamifyResponse: (handler: StreamifyHandler) => handler,
    HttpResponseStream: {
      from(stream: Writable, head: object) {
        tell({ head });
        return stream;
      },
    },
  },
});

const [bundle = ""] = process.argv.slice(2);
const { handler } = (await import(pathToFileURL(bundle).href)) as { handler: StreamifyHandler };
tell({ ready: true });

for await (const line of createInterface(process.stdin)) {
  const { event, timeout } = JSON.parse(line) as { event: APIGatewayProxyEventV2; timeout: number };
  const until = performance.now() + timeout;
  const output = new Writable({
    write(chunk: Buffer, _, done) {
      tell({ chunk: chunk.toString() });
      done();
    },
  });
  const context = { getRemainingTimeInMillis: () => until - performance.now() } as Context;
  await handler(event, output as awslambda.HttpResponseStream, context);
  tell({ end: true });
}
