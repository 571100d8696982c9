import { RedisPatternsError } from "redis-patterns";
import { listen, page, say } from "./rooms.ts";
import { checkout, login, logout, me, quote } from "./routes.ts";
import { type Services, servicesFor } from "./services.ts";

export default {
  async fetch(request, env, ctx) {
    const services = servicesFor(request, env, ctx);
    return route(services).catch(unavailable);
  },
} satisfies ExportedHandler<Env>;

async function route(services: Services): Promise<Response> {
  const { request } = services;
  const [, name = "", product = ""] = new URL(request.url).pathname.split("/").map(decode);
  switch (`${request.method} /${name}`) {
    case "GET /quotes":
      return quote(services, product);
    case "POST /login":
      return login(services);
    case "GET /me":
      return me(services);
    case "POST /logout":
      return logout(services);
    case "POST /checkout":
      return checkout(services, product);
    case "GET /live":
      return page();
    case "GET /rooms":
      return listen(services, product);
    case "POST /rooms":
      return say(services, product);
    default:
      return new Response("Not found\n", { status: 404 });
  }
}

/** What is no percent-encoding stays as it is. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** What the cache and the limiter did not bridge: a session or a lock without Redis is nothing to guess about. */
function unavailable(error: unknown): Response {
  if (!(error instanceof RedisPatternsError)) throw error;
  console.error(error.code, error.message);
  return Response.json({ error: "Try again in a moment" }, { status: 503 });
}
