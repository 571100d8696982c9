const digest = "a".repeat(40);

/** The command that is sent: what a limiter with a fixed window asks. */
export const command = [
  "EVALSHA",
  digest,
  1,
  "limiter:ours:{user 17}:fixed1",
  ";abcdef",
  100_000,
  86_400_000,
  0,
] as const;
const result = '{"result":[0,99999,86400000]}';

/**
 * Takes the place of `fetch`: it answers every command in the body at once, with as much of a `Response` as clients look at. So only the
 * client's own work is left.
 */
export async function stubbedFetch(_: unknown, { body }: { readonly body: string }): Promise<StubbedResponse> {
  const json = body.startsWith("[[") ? batchOf(countCommands(body)) : result;
  return { ok: true, status: 200, headers, text: async () => json };
}

interface StubbedResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}

const syncToken = "gw:1";
const headers = { get: (name: string) => (name.toLowerCase() === "upstash-sync-token" ? syncToken : null) };

/** The digest is there once in each command. */
function countCommands(body: string): number {
  let count = 0;
  for (let at = body.indexOf(digest); at !== -1; at = body.indexOf(digest, at + digest.length)) count += 1;
  return count;
}

function batchOf(size: number): string {
  const json = batches.get(size) ?? `[${Array.from({ length: size }, () => result).join()}]`;
  batches.set(size, json);
  return json;
}

const batches = new Map<number, string>();
