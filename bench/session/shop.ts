import { once } from "node:events";
import {
  Agent,
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type RequestListener,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { Instance } from "../harness/contender.ts";

/** A running shop: `GET /` reads the session, `POST /` writes to it. */
export interface Shop extends Instance {
  readonly url: string;
}

/** How many visitors there are at once. */
export const visitors = 8;
const agent = new Agent({ keepAlive: true, maxSockets: visitors });

export async function serve(app: unknown, end: () => void): Promise<Shop> {
  const server = createServer(app as RequestListener);
  // Others' turns take longer than the few seconds for which Node keeps an idle connection.
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.closeAllConnections();
    server.close();
    end();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

/** Logs a visitor in, and gives the cookie. */
export async function begin({ url }: Shop): Promise<string> {
  const [{ headers }] = await ask(url, "POST");
  return (headers["set-cookie"]?.[0] ?? "").split(";")[0] ?? "";
}

/** Ten requests: nine reads and one write. */
export async function visit({ url }: Shop, cookie: string): Promise<void> {
  for (let i = 0; i < 10; i += 1) {
    const [{ statusCode }, body] = await ask(url, i === 4 ? "POST" : "GET", { cookie });
    const { cart } = JSON.parse(body) as { cart: number };
    if (statusCode !== 200 || cart !== (i < 4 ? 1 : 2)) throw new Error(`the cart holds ${cart} at request ${i}`);
  }
}

/** Sends one request. The plain client of Node takes a third of the time of `fetch`, which would hide the differences. */
function ask(url: string, method: string, headers: OutgoingHttpHeaders = {}): Promise<[IncomingMessage, string]> {
  return new Promise((resolve, reject) => {
    const received = (response: IncomingMessage) => {
      let body = "";
      response.setEncoding("utf8").on("data", (part) => (body += part));
      response.on("end", () => resolve([response, body]));
    };
    request(url, { method, headers, agent }, received).on("error", reject).end();
  });
}
