import { rest } from "../src/adapters/rest/index.ts";
import { createApp } from "./app.ts";

interface Env {
  readonly UPSTASH_REDIS_REST_URL: string;
  readonly UPSTASH_REDIS_REST_TOKEN: string;
}

/** The application in a Cloudflare Worker: Redis over HTTP. */
export default {
  fetch(request: Request, env: Env): Promise<Response> {
    const redis = rest({ url: env.UPSTASH_REDIS_REST_URL, token: env.UPSTASH_REDIS_REST_TOKEN });
    return createApp("Worker", redis)(request);
  },
};
