import type { Reply } from "../../port/redis.ts";
import { integer, listOf, nullableText, raw } from "../../port/reply.ts";
import { askBoards } from "./ask.ts";
import { checkCall, checkLimit, checkMembers } from "./check-call.ts";
import { encodeMember } from "./format.ts";
import type { BoardCallOptions, BoardReader, Entry } from "./options.ts";
import { dataIn, readPage } from "./page.ts";
import type { BoardSource } from "./source.ts";

/** What reads one source. */
export function createReader(source: BoardSource): BoardReader {
  return {
    async get(id, member, options) {
      const { entries, share } = await readStandings(source, id, [member], options, "1");
      const [entry] = entries;
      const [behind = 0, size = 1] = share;
      return entry ? { ...entry, percentile: (100 * behind) / size } : null;
    },
    async getMany(id, members, options) {
      checkCall(options);
      if (checkMembers(members).length === 0) return [];
      return (await readStandings(source, id, members, options, "")).entries;
    },
    top: (id, options) => readPage(source, id, options),
    async around(id, member, options) {
      const { limit = 10, at, signal } = checkCall(options, "{ limit: 5 }") ?? {};
      const own = { limit: checkLimit(limit), at, signal };
      return (await readPage(source, id, own, encodeMember(member))).entries;
    },
  };
}

/** @param share Whether to ask what is behind the last member. */
async function readStandings(
  { period, order, ties, standings, locate }: BoardSource,
  id: string,
  members: readonly string[],
  options: BoardCallOptions | undefined,
  share: "1" | "",
) {
  const { at, signal } = checkCall(options) ?? {};
  const values = { order, ties, share, members: members.map(encodeMember) };
  const { reply } = await askBoards(
    period,
    at,
    (spans) => locate(id, spans),
    (places) => standings({ ...values, ...places }, { signal, idempotent: true }),
  );
  const parts = listOf(raw)(reply);
  const entries = members.map((member, i) => decodeEntry(member, parts.slice(3 * i, 3 * i + 3)));
  return { entries, share: parts.slice(3 * members.length).map(integer) };
}

function decodeEntry(member: string, [rank = null, score = null, data = null]: readonly Reply[]): Entry | null {
  if (rank === null) return null;
  return { member, rank: integer(rank), score: Number(score), data: dataIn(nullableText(data)) };
}
