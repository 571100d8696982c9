import { OptionError } from "../../core/errors.ts";

/** The subset of an @upstash/redis `Redis` by which it is known. */
export interface UpstashClient {
  exec<T>(command: [name: string, ...args: (string | number | boolean)[]]): Promise<T>;
}

/** Sends one HTTP request by way of the client. */
export type SendRequest = (path: readonly string[], body: unknown, signal: AbortSignal) => Promise<unknown>;

/** The HTTP part of the client: the field `client`, which every version has and the types hide. */
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

/** Finds the HTTP part of the client, and refuses what cannot be made right. */
export function findRequester(client: UpstashClient): SendRequest {
  const requester = (client as unknown as { readonly client?: Requester } | null)?.client;
  if (typeof requester?.request !== "function") {
    throw new OptionError("`client` must be an @upstash/redis client: new Redis({ url, token }) or Redis.fromEnv()");
  }
  const { options, baseUrl, headers } = requester;
  // An application's own requester: it knows its endpoint, and takes the signal as its type says.
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
  // Only of a signal made by a function does the client reject on abort; of any other it makes an answer.
  return (path, body, signal) =>
    requester.request({
      path,
      body,
      signal: () => (clientSignal ? AbortSignal.any([signal, clientSignal()]) : signal),
    });
}
