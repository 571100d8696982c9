import type { Answer } from "./app.ts";
import type { Asking, Claim } from "./claims.ts";
import type { Runtime, Runtimes } from "./runtimes.ts";

const players = ["ada", "bob", "cyd"];

/** One line for each structure: what was done in all three runtimes is seen whole in each. */
export async function structureClaims(ask: Asking, runtimes: Runtimes): Promise<Claim[]> {
  return [
    await leaderboardClaim(ask, runtimes),
    await uniquesClaim(ask, runtimes),
    await counterClaim(ask, runtimes),
    await seriesClaim(ask, runtimes),
    await feedClaim(ask, runtimes),
    await recentClaim(ask, runtimes),
    await recordClaim(ask, runtimes),
    await bloomClaim(ask, runtimes),
  ];
}

/** Ada wins three times, bob and cyd once each. Each call is made twice under one request id, as after a lost reply. */
async function leaderboardClaim(ask: Asking, runtimes: Runtimes): Promise<Claim> {
  const wins = ["ada", "bob", "ada", "cyd", "ada"];
  const calls = wins.flatMap((player, i) => twice({ player, request: `win ${i}` }));
  await Promise.all(calls.map((query, i) => ask(turn(runtimes, i), "score", query)));
  const tables = await Promise.all(
    runtimes.map(async (runtime) => {
      const { entries } = (await ask(runtime, "ranking")).result as {
        entries: { member: string; rank: number; score: number }[];
      };
      return entries.map(({ rank, score }) => `${rank}. ${score}`).join(", ");
    }),
  );
  return {
    claim: "leaderboard: five wins, each told twice, give one table everywhere, with equal ranks for equal scores",
    seen: tables[0] ?? "",
    holds: tables.every((table) => table === "1. 30, 2. 10, 2. 10"),
  };
}

async function uniquesClaim(ask: Asking, runtimes: Runtimes): Promise<Claim> {
  await everywhere(ask, runtimes, "visit");
  const counts = await results<{ count: number; exact: boolean }>(ask, runtimes, "visitors");
  return {
    claim: "uniques: nine visits of three visitors are three",
    seen: counts.map(({ count, exact }) => `${count}${exact ? "" : ", about"}`).join(", "),
    holds: counts.every(({ count, exact }) => count === 3 && exact),
  };
}

async function counterClaim(ask: Asking, runtimes: Runtimes): Promise<Claim> {
  const calls = Array.from({ length: 30 }, (_, i) => twice({ request: `view ${i}` })).flat();
  const answers = await Promise.all(calls.map((query, i) => ask(turn(runtimes, i), "view", query)));
  const most = Math.max(...answers.map(({ result }) => Number(result)));
  return {
    claim: "counter: 30 views, each told twice and by two runtimes, count once",
    seen: `${answers.length} calls, counted ${most}`,
    holds: most === 30,
  };
}

async function seriesClaim(ask: Asking, runtimes: Runtimes): Promise<Claim> {
  await everywhere(ask, runtimes, "hit");
  const charts = await results<{ value: number }[]>(ask, runtimes, "chart");
  const sums = charts.map((points) => points.reduce((sum, { value }) => sum + value, 0));
  return {
    claim: "series: nine hits are in the chart of the last three minutes, in one trip",
    seen: `${charts.map(({ length }) => `${length} points`).join(", ")}, ${sums.join(", ")} hits`,
    holds: sums.every((sum) => sum === 9) && charts.every(({ length }) => length === 3),
  };
}

/** Somebody reads page by page while others go on posting. */
async function feedClaim(ask: Asking, runtimes: Runtimes): Promise<Claim> {
  await everywhere(ask, runtimes, "post");
  const read: string[] = [];
  let cursor: string | null = "";
  for (let page = 0; cursor !== null; page += 1) {
    const { result } = await ask(turn(runtimes, page), "page", { request: cursor });
    const found = result as { items: { id: string }[]; cursor: string | null };
    read.push(...found.items.map(({ id }) => id));
    ({ cursor } = found);
    await ask(turn(runtimes, page + 1), "post", { player: "eve" });
  }
  const different = new Set(read).size;
  return {
    claim: "feed: pages in turn from all three neither repeat nor skip while others post",
    seen: `${read.length} items read, ${different} different`,
    holds: read.length === 9 && different === 9,
  };
}

async function recentClaim(ask: Asking, runtimes: Runtimes): Promise<Claim> {
  for (const [i, player] of [...players, "ada", "dan"].entries()) await ask(turn(runtimes, i), "look", { player });
  const lists = await results<string[]>(ask, runtimes, "looked");
  return {
    claim: "recent: the last three, each once, the newest first",
    seen: lists[0]?.join(", ") ?? "",
    holds: lists.every((list) => list.join() === "dan,ada,cyd"),
  };
}

async function recordClaim(ask: Asking, runtimes: Runtimes): Promise<Claim> {
  await ask(runtimes[0], "join", { player: "ada" });
  const calls = Array.from({ length: 15 }, (_, i) => twice({ player: "ada", request: `game ${i}` })).flat();
  await Promise.all(calls.map((query, i) => ask(turn(runtimes, i), "play", query)));
  const found = await results<{ data: { name: string; games: number } } | null>(ask, runtimes, "profile", {
    player: "ada",
  });
  return {
    claim: "record: 15 games, each told twice, are counted in one property while the others stay",
    seen: found.map((record) => `${record?.data.name} ${record?.data.games}`).join(", "),
    holds: found.every((record) => record?.data.name === "ada" && record.data.games === 15),
  };
}

async function bloomClaim(ask: Asking, runtimes: Runtimes): Promise<Claim> {
  for (const [i, player] of players.entries()) await ask(turn(runtimes, i), "mark", { player });
  const known = await Promise.all(players.map((player) => results<boolean>(ask, runtimes, "marked", { player })));
  const stranger = await results<boolean>(ask, runtimes, "marked", { player: "eve" });
  return {
    claim: "Bloom filter: what one runtime has seen, all of them know, and a stranger they do not",
    seen: `${known.flat().filter(Boolean).length} of 9 known, ${stranger.filter(Boolean).length} of 3 mistaken`,
    holds: known.flat().every(Boolean) && !stranger.some(Boolean),
  };
}

/** Each player, in each runtime. */
function everywhere(ask: Asking, runtimes: Runtimes, route: string): Promise<Answer[]> {
  return Promise.all(runtimes.flatMap((runtime) => players.map((player) => ask(runtime, route, { player }))));
}

async function results<T>(
  ask: Asking,
  runtimes: Runtimes,
  route: string,
  query: Readonly<Record<string, string>> = {},
): Promise<T[]> {
  const answers = await Promise.all(runtimes.map((runtime) => ask(runtime, route, query)));
  return answers.map(({ result }) => result as T);
}

function turn(runtimes: Runtimes, i: number): Runtime {
  return runtimes[i % runtimes.length] ?? runtimes[0];
}

function twice<T>(one: T): [T, T] {
  return [one, one];
}
