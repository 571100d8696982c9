import { pipeline } from "node:stream/promises";
import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import { RedisPatternsError, seconds } from "redis-patterns";
import { toEventStream } from "redis-patterns/pubsub";
import { openJar } from "./http.ts";
import { rooms } from "./rooms.ts";
import { visitors } from "./services.ts";

/** Answers a function URL whose invoke mode is RESPONSE_STREAM: what is said in a room, to a browser that stays. */
export const handler = awslambda.streamifyResponse<APIGatewayProxyEventV2>(async (event, output, context) => {
  const { status, headers, body } = await answer(event, context).catch(unavailable);
  const head = { statusCode: status, headers: Object.fromEntries(headers) };
  const stream = awslambda.HttpResponseStream.from(output, head);
  // A browser that leaves is no error.
  if (body) await pipeline(body, stream).catch((error: unknown) => console.log(String(error)));
});

async function answer(event: APIGatewayProxyEventV2, context: Context): Promise<Response> {
  const { user } = await visitors.open(openJar(event).jar);
  const room = decodeURIComponent(event.rawPath.split("/")[2] ?? "");
  if (user === null) return refusal(401, "Sign in first");
  if (room !== "lobby" && room !== user) return refusal(403, "This room is somebody else's");
  const headers = { get: (name: string) => event.headers[name] ?? null };
  const request = { url: `?${event.rawQueryString}`, headers };
  return toEventStream(request, rooms, room, { from: "beginning", maxAge: maxAge(context) });
}

/** Lambda does not tell when a browser has left, and bills until the stream ends. So a stream is short, and the browser connects again. */
function maxAge(context: Context): number {
  return Math.min(seconds(60), context.getRemainingTimeInMillis() - seconds(3));
}

function unavailable(error: unknown): Response {
  if (!(error instanceof RedisPatternsError)) throw error;
  console.error(error.code, error.message);
  return refusal(503, "Try again in a moment");
}

function refusal(status: number, error: string): Response {
  return Response.json({ error }, { status });
}
