import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { RedisPatternsError } from "redis-patterns";
import { json, openJar, type Visit, visitOf } from "./http.ts";
import { checkout, login, logout, me, quote } from "./routes.ts";

/** Answers an HTTP API of API Gateway and a function URL alike: both send the payload format 2.0. */
export async function handler(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  const pending: Promise<unknown>[] = [];
  try {
    return await route(event, pending);
  } catch (error) {
    return unavailable(error);
  } finally {
    // Lambda freezes the process once the answer is out: what is unfinished then may never finish.
    await settled(pending);
  }
}

async function route(
  event: APIGatewayProxyEventV2,
  pending: Promise<unknown>[],
): Promise<APIGatewayProxyStructuredResultV2> {
  const { jar, addTo } = openJar(event);
  const visit = visitOf(event, jar, (work) => void pending.push(work));
  return addTo(await answer(visit));
}

async function answer(visit: Visit): Promise<APIGatewayProxyStructuredResultV2> {
  const [, name = "", product = ""] = visit.path.split("/");
  switch (`${visit.method} /${name}`) {
    case "GET /quotes":
      return quote(product);
    case "POST /login":
      return login(visit);
    case "GET /me":
      return me(visit);
    case "POST /logout":
      return logout(visit);
    case "POST /checkout":
      return checkout(visit, product);
    default:
      return json(404, { error: "Not found" });
  }
}

/** What the cache and the limiter did not bridge: a session or a lock without Redis is nothing to guess about. */
function unavailable(error: unknown): APIGatewayProxyStructuredResultV2 {
  if (!(error instanceof RedisPatternsError)) throw error;
  console.error(error.code, error.message);
  return json(503, { error: "Try again in a moment" });
}

async function settled(pending: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(pending)) {
    if (outcome.status === "rejected") console.error(outcome.reason);
  }
}
