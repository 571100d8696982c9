import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { Redis } from "ioredis";
import { ioredis, lambda } from "../src/adapters/ioredis/index.ts";
import { polling } from "../src/core/patterns/pubsub/index.ts";
import { createApp } from "./app.ts";

/** The connection lives at module scope, so that warm invocations share it. */
const client = new Redis(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379", lambda);
client.on("error", (error) => console.error(error.message));
const app = createApp("Lambda", ioredis(client), polling({ every: 1_000 }));

/** The application behind a function URL: Redis over TCP, and messages when it asks for them, since a frozen function hears nothing. */
export async function handler(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  const response = await app(
    new Request(`https://${event.requestContext.domainName}${event.rawPath}?${event.rawQueryString}`),
  );
  return { statusCode: response.status, body: await response.text() };
}

/** What a frozen function never does; the demo ends, so it closes the connection. */
export function close(): void {
  client.disconnect();
}
