import { ConnectionError, type Sent } from "../../core/errors.ts";
import type { Replies } from "./call.ts";
import { decodeReplies } from "./replies.ts";

/** `/multi-exec` runs the commands as one transaction. */
export type Path = "/pipeline" | "/multi-exec";

/**
 * Makes one HTTP request of some commands.
 * @throws {ReplyError} The request was refused as a whole.
 * @throws {ConnectionError} No usable answer came.
 */
export type Post = (path: Path, commands: readonly (readonly string[])[], signal: AbortSignal) => Promise<Replies>;

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
function wasSent(error: unknown): Sent {
  const { code } = Object((error as Error).cause) as { readonly code?: string };
  return /REFUSED|NOTFOUND|CONNECT_/.test(`${code}`) ? false : "unknown";
}
