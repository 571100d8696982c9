import type { Asking, Claim } from "./claims.ts";
import type { Runtimes } from "./runtimes.ts";

/** A line for the messages of a room, and one for who is in it. */
export async function roomClaims(ask: Asking, runtimes: Runtimes): Promise<Claim[]> {
  return [await channelClaim(ask, runtimes), await presenceClaim(ask, runtimes)];
}

/** The Lambda function has seen the first line, sleeps, and comes back. The second one is sent twice under one request id, as after a lost reply. */
async function channelClaim(ask: Asking, [worker, lambda, node]: Runtimes): Promise<Claim> {
  await ask(node, "listen");
  const ids: string[] = [];
  for (const line of ["hello", "how are you?", "how are you?", "bye"]) {
    const { id } = (await ask(worker, "say", { line, request: line })).result as { id: string };
    ids.push(id);
  }
  const heard = (await ask(node, "heard", { count: "3" })).result as string[];
  const read = (await ask(lambda, "read", { from: ids[0] ?? "", count: "2" })).result as string[];
  return {
    claim: "channel: a message published in the Worker is received in Node and read later in Lambda",
    seen: `Node heard "${heard.join('", "')}", Lambda came back after the first and read "${read.join('", "')}"`,
    holds: heard.join() === "hello,how are you?,bye" && read.join() === "how are you?,bye",
  };
}

/** Ada is there twice, in the Worker and in Lambda, and goes twice. Bob stays. */
async function presenceClaim(ask: Asking, runtimes: Runtimes): Promise<Claim> {
  const [worker, lambda, node] = runtimes;
  const first = (await ask(worker, "enter", { player: "ada" })).result as string;
  const second = (await ask(lambda, "enter", { player: "ada" })).result as string;
  await ask(node, "enter", { player: "bob" });
  const lists = await present(ask, runtimes);
  await ask(node, "exit", { player: "ada", visit: first });
  await ask(worker, "exit", { player: "ada", visit: second });
  lists.push(...(await present(ask, runtimes)));
  const moves = await Promise.all(runtimes.map((runtime) => ask(runtime, "moves", { count: "3" })));
  const told = moves.map(({ result }) => (result as string[]).join(", "));
  return {
    claim: "presence: who comes and goes in any of the three is told once in each",
    seen: told[0] ?? "",
    holds:
      lists.join("; ") === "ada 2, bob 1; ada 2, bob 1; ada 2, bob 1; bob 1; bob 1; bob 1" &&
      told.every((text) => text === "ada joined, bob joined, ada left"),
  };
}

/** Who is there and how often, as each runtime lists it. */
async function present(ask: Asking, runtimes: Runtimes): Promise<string[]> {
  const answers = await Promise.all(runtimes.map((runtime) => ask(runtime, "present")));
  return answers.map(({ result }) =>
    (result as { member: string; visits: number }[]).map(({ member, visits }) => `${member} ${visits}`).join(", "),
  );
}
