import type { IncomingMessage } from "node:http";

/** Says whether a text may follow `--cors-origin`. */
export function isOrigin(text: string): boolean {
  return text === "*" || /^[a-z][a-z\d+.-]*:\/\/[^\s/?#@]+$/.test(text);
}

/** The headers that let pages of certain origins read an answer. There are none if no origin is allowed. */
export function corsHeaders(origins: readonly string[], { headers }: IncomingMessage): Record<string, string> {
  if (origins.length === 0) return {};
  const { origin = "" } = headers;
  const allowed = origins.includes("*") ? "*" : origins.find((listed) => listed === origin);
  return {
    ...(!origins.includes("*") && { Vary: "Origin" }),
    ...(allowed !== undefined && {
      "Access-Control-Allow-Origin": allowed,
      "Access-Control-Expose-Headers": "Upstash-Sync-Token, Redis-Patterns-Heartbeat",
    }),
  };
}

/** A browser asks this before a request with a token. It cannot send the token with it. */
export function isPreflight(origins: readonly string[], { method, headers }: IncomingMessage): boolean {
  return origins.length > 0 && method === "OPTIONS" && headers["access-control-request-method"] !== undefined;
}

/** The answer to a preflight. Any header may be sent: the token decides, and the gateway ignores headers that it does not know. */
export function preflightHeaders(origins: readonly string[], incoming: IncomingMessage): Record<string, string> {
  const asked = incoming.headers["access-control-request-headers"];
  return {
    ...corsHeaders(origins, incoming),
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT",
    ...(asked && { "Access-Control-Allow-Headers": asked }),
    "Access-Control-Max-Age": "7200",
  };
}
