import { rest, restSubscriber } from "../src/adapters/rest/index.ts";
import { createApp } from "./app.ts";

interface Env {
  readonly UPSTASH_REDIS_REST_URL: string;
  readonly UPSTASH_REDIS_REST_TOKEN: string;
}

/** The application in a Cloudflare Worker: Redis over HTTP, messages by a stream of it. */
export default {
  fetch(request: Request, env: Env): Promise<Response> {
    const place = { url: env.UPSTASH_REDIS_REST_URL, token: env.UPSTASH_REDIS_REST_TOKEN };
    return createApp("Worker", rest(place), restSubscriber(place))(request);
  },
};
