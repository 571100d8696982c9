import { seconds } from "redis-patterns";
import { toEventStream } from "redis-patterns/pubsub";
import { roomPage } from "./room-page.ts";
import { addressOf, signedOut, tokenOf, tooMany } from "./routes.ts";
import type { Services } from "./services.ts";

/** What is said in a room. */
export interface Line {
  readonly user: string;
  readonly text: string;
}

/** The page of every room. It asks for the lines itself, and for a name if the visitor has none yet. */
export function page(): Response {
  const nonce = crypto.randomUUID();
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": `default-src 'none'; connect-src 'self'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  };
  return new Response(roomPage(nonce), { headers });
}

/** The lines of a room, as they are said. The browser connects again every few minutes, so the right to read is asked for again, too. */
export async function listen({ request, sessions, rooms }: Services, room: string): Promise<Response> {
  const session = await sessions.read(tokenOf(request));
  if (!session?.user) return signedOut();
  if (!isWelcome(session.user, room)) return forbidden();
  // A Worker learns that a browser has left when it cannot write any more.
  return toEventStream(request, rooms, room, { from: "beginning", heartbeat: seconds(5) });
}

/** Says a line. One that the page sends again, because it heard no answer, is said once: its id is the same. */
export async function say(
  { request, sessions, limiter, rooms, ...services }: Services,
  room: string,
): Promise<Response> {
  const [session, line] = await Promise.all([sessions.read(tokenOf(request)), lineOf(request)]);
  if (!session?.user) return signedOut();
  if (!isWelcome(session.user, room)) return forbidden();
  if (!line) return Response.json({ error: "A line has 1 to 500 characters and an id" }, { status: 400 });
  const verdict = await limiter.limit(`say:${session.user}:${addressOf(request)}`);
  services.afterwards(verdict.pending);
  if (!verdict.allowed) return tooMany(verdict);
  await rooms.publish(room, { user: session.user, text: line.text }, { requestId: `${session.user}:${line.id}` });
  return new Response(null, { status: 204 });
}

/** Everybody may read and write in the lobby, and each user in the room of their name. */
function isWelcome(user: string, room: string): boolean {
  return room === "lobby" || room === user;
}

function forbidden(): Response {
  return Response.json({ error: "This room is somebody else's" }, { status: 403 });
}

async function lineOf(request: Request): Promise<{ readonly id: string; readonly text: string } | null> {
  const { id, text } = (await request.json<Record<string, unknown> | null>().catch(() => null)) ?? {};
  if (typeof id !== "string" || !/^[\w-]{8,64}$/.test(id)) return null;
  if (typeof text !== "string" || text.trim() === "" || text.length > 500) return null;
  return { id, text };
}
