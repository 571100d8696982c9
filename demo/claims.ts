import type { Answer } from "./app.ts";
import type { Runtime, Runtimes } from "./runtimes.ts";

/** One line of the table: what was claimed, what was seen, and whether they agree. */
export interface Claim {
  readonly claim: string;
  readonly seen: string;
  readonly holds: boolean;
}

/** What one route cost in one runtime. */
export interface Cost {
  readonly route: string;
  readonly runtime: string;
  readonly calls: number;
  /** Trips to Redis for each call. */
  readonly trips: number;
  /** Milliseconds spent on them for each call, the median. */
  readonly duration: number;
}

/** Asks the three runtimes and remembers what each answer cost. */
export interface Asking {
  (runtime: Runtime, route: string, query?: Readonly<Record<string, string>>): Promise<Answer>;
  costs(): Cost[];
}

export function asking(run: string): Asking {
  const answers: (Answer & { readonly route: string })[] = [];
  const ask = async (runtime: Runtime, route: string, query: Readonly<Record<string, string>> = {}) => {
    const text = await runtime.ask(`/${route}?${new URLSearchParams({ ...query, run }).toString()}`);
    const answer = JSON.parse(text) as Answer;
    answers.push({ ...answer, route });
    return answer;
  };
  return Object.assign(ask, { costs: () => summary(answers) });
}

/** A value computed in one runtime is found by all three. */
export async function cacheClaim(
  ask: Asking,
  runtimes: readonly Runtime[],
  computed: () => Promise<number>,
): Promise<Claim> {
  const first = await ask(runtimes[0] as Runtime, "value");
  const all = await Promise.all(runtimes.map((runtime) => ask(runtime, "value")));
  const same = all.every(({ result }) => JSON.stringify(result) === JSON.stringify(first.result));
  const times = await computed();
  return {
    claim: "A value is computed once and hit from all three",
    seen: `computed ${times} time(s), ${same ? "the same everywhere" : "different values"}`,
    holds: times === 1 && same,
  };
}

/** 60 concurrent calls, 20 in each runtime, against one limit of 10. */
export async function limiterClaim(ask: Asking, runtimes: readonly Runtime[]): Promise<Claim> {
  const calls = runtimes.flatMap((runtime) => Array.from({ length: 20 }, () => ask(runtime, "limit")));
  const answers = await Promise.all(calls);
  const allowed = answers.filter(({ result }) => (result as { allowed: boolean }).allowed).length;
  return {
    claim: "A limit of 10 lets 10 of 60 concurrent calls through",
    seen: `${allowed} of ${answers.length} allowed`,
    holds: allowed === 10 && answers.length === 60,
  };
}

/** 15 critical sections, 5 in each runtime, under one lock. */
export async function lockClaim(ask: Asking, runtimes: readonly Runtime[]): Promise<Claim> {
  const calls = runtimes.flatMap((runtime) => Array.from({ length: 5 }, () => ask(runtime, "critical")));
  const sections = (await Promise.all(calls)).map(
    ({ result }) => result as { fence: string; inside: number; turn: number },
  );
  const together = Math.max(...sections.map(({ inside }) => inside));
  const fences = sections.toSorted((a, b) => a.turn - b.turn).map(({ fence }) => BigInt(fence));
  const rising = fences.every((fence, i) => i === 0 || fence > (fences[i - 1] ?? fence));
  return {
    claim: "A lock contended by all three never has two holders",
    seen: `${sections.length} turns, at most ${together} inside, fences ${rising ? "rising" : "out of order"}`,
    holds: together === 1 && rising && sections.length === 15,
  };
}

/** A session lives in all three runtimes, and after a logout in none. */
export async function sessionClaim(ask: Asking, [worker, lambda, node]: Runtimes): Promise<Claim> {
  const { token } = (await ask(worker, "login")).result as { token: string };
  const found = (await ask(lambda, "whoami", { token })).result as { user: string } | null;
  await ask(node, "logout", { token });
  const after = await Promise.all([worker, lambda, node].map((runtime) => ask(runtime, "whoami", { token })));
  const left = after.filter(({ result }) => result !== null).length;
  return {
    claim: "A session made in the Worker is read in the Lambda, destroyed in Node, gone everywhere",
    seen: `read as ${found?.user ?? "nobody"}, found ${left} time(s) after the logout`,
    holds: found?.user === "ada" && left === 0,
  };
}

function summary(answers: readonly (Answer & { readonly route: string })[]): Cost[] {
  const kinds = new Set(answers.map(({ route, runtime }) => `${route} ${runtime}`));
  return [...kinds].toSorted().map((kind) => {
    const [route = "", runtime = ""] = kind.split(" ");
    const group = answers.filter((answer) => answer.route === route && answer.runtime === runtime);
    const trips = group.reduce((sum, answer) => sum + answer.trips, 0) / group.length;
    return { route, runtime, calls: group.length, trips, duration: median(group.map(({ duration }) => duration)) };
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
