import { OptionError } from "../../core/errors.ts";

/** The subset of an @upstash/redis `Redis` that identifies it. */
export interface UpstashClient {
  exec<T>(command: [name: string, ...args: (string | number | boolean)[]]): Promise<T>;
}

/** Sends one HTTP request through the client. */
export type SendRequest = (path: readonly string[], body: unknown, signal: AbortSignal) => Promise<unknown>;

/** The HTTP part of the client. It is in the field `client`, which every version has, but not in its types. */
interface Requester {
  request(request: {
    path?: readonly string[];
    body: unknown;
    signal: AbortSignal | (() => AbortSignal);
  }): Promise<unknown>;
  readonly options?: { readonly signal?: AbortSignal | (() => AbortSignal) };
  readonly baseUrl?: string;
  readonly headers?: { readonly authorization?: string };
}

/** Finds the HTTP part of the client, and refuses a client that cannot work. */
export function findRequester(client: UpstashClient): SendRequest {
  const requester = (client as unknown as { readonly client?: Requester } | null)?.client;
  if (typeof requester?.request !== "function") {
    throw new OptionError("`client` must be an @upstash/redis client: new Redis({ url, token }) or Redis.fromEnv()");
  }
  const { options, baseUrl, headers } = requester;
  // This is the application's own requester. It has its own endpoint, and takes a signal as its type says.
  if (!options) return (path, body, signal) => requester.request({ path, body, signal });
  if (!baseUrl) throw new OptionError("`client` has no `url`; pass it to new Redis({ url, token })");
  if (!/^Bearer (?!undefined$)[!-~]+$/.test(headers?.authorization ?? "")) {
    throw new OptionError("`client` has no usable `token`; pass it, without spaces, to new Redis({ url, token })");
  }
  const clientSignal = options.signal;
  if (clientSignal && typeof clientSignal !== "function") {
    throw new OptionError(
      "`client` was made with a `signal`, after whose abort it invents answers; pass a function: signal: () => AbortSignal.timeout(1_000)",
    );
  }
  // The client rejects on abort only if the signal came from a function. For any other signal it invents an answer.
  return (path, body, signal) =>
    requester.request({
      path,
      body,
      signal: () => (clientSignal ? AbortSignal.any([signal, clientSignal()]) : signal),
    });
}
