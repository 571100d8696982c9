import { ConnectionError, type Sent } from "../../core/errors.ts";
import type { Post } from "../http/delivery.ts";
import { decodeReplies } from "./replies.ts";

export function createPost(url: string, token: string, fetch?: typeof globalThis.fetch): Post {
  let syncToken = "";
  return async (path, commands, signal) => {
    const isSingle = commands.length === 1 && path === "/pipeline";
    const request = {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "upstash-encoding": "base64",
        "upstash-sync-token": syncToken,
      },
      body: JSON.stringify(isSingle ? commands[0] : commands),
      // A redirect would carry the token to another host.
      redirect: "manual",
      signal,
    } as const;
    let response: Response;
    let text: string;
    try {
      response = await (fetch ?? globalThis.fetch)(url + (isSingle ? "/" : path), request);
      text = await response.text();
    } catch (cause) {
      throw new ConnectionError("The REST endpoint did not answer", wasSent(cause), { cause });
    }
    syncToken = response.headers.get("upstash-sync-token") ?? syncToken;
    return decodeReplies(response.status, text, commands.length);
  };
}

/** Node says if there was no connection at all. Elsewhere it is unknown. */
export function wasSent(error: unknown): Sent {
  const { code } = Object((error as Error).cause) as { readonly code?: string };
  return /REFUSED|NOTFOUND|CONNECT_/.test(`${code}`) ? false : "unknown";
}
