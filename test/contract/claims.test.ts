// Everything that takes a place for its caller, against everything that may go wrong with that: nothing stays taken beyond its bound, and
// nobody is answered by what was given up.
import { expect, it } from "vitest";
import { brokenClaimants } from "../fixtures/claims/broken.ts";
import type { Claimant, Place } from "../fixtures/claims/claimant.ts";
import { claimants } from "../fixtures/claims/claimants.ts";
import { faults, type Scene, withScriptFaults } from "../fixtures/claims/faults.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { onEveryBackend } from "../support/backends.ts";

/** Longer than any test: what is free before has been given back. */
const bound = 600_000;
const briefBound = 300;

const rows = claimants.flatMap((claimant) =>
  Object.keys(faults)
    .filter((fault) => !(fault in claimant.except))
    .map((fault) => [claimant.name, fault, claimant] as const),
);

let serial = 0;

type Ports = readonly [here: Redis, there: Redis];

async function setUp([here, redis]: Ports, start: string, claimant: Claimant, patience: number): Promise<Scene> {
  serial += 1;
  const prefix = `${start}:${serial}`;
  const port = withScriptFaults(here);
  await learn(claimant, port, await placeOf(claimant, redis, prefix));
  const place = await placeOf(claimant, redis, prefix);
  return {
    claimant,
    port,
    here: claimant.open(port, place),
    there: claimant.open(redis, place),
    bound,
    brief: {
      here: claimant.open(redis, { ...place, prefix: `${prefix}brief`, bound: briefBound }),
      there: claimant.open(redis, { ...place, prefix: `${prefix}brief` }),
    },
    patience,
  };
}

async function placeOf({ prepare }: Claimant, redis: Redis, prefix: string): Promise<Place> {
  return { prefix, bound, secret: (await prepare?.(redis, prefix)) ?? "" };
}

/** Lets the server of a place learn the scripts of a claimant, so that each is one command from here on. The place is free again. */
async function learn(claimant: Claimant, redis: Redis, place: Place): Promise<void> {
  const claims = claimant.open(redis, place);
  const claim = await claims.claim();
  await claim.extend?.(bound);
  const text = claim.serialize?.();
  await (text && claims.resume ? await claims.resume(text) : claim).release?.();
  await claims.countTaken();
}

onEveryBackend("the ledger of claims", (backend) => {
  let connected: Promise<Ports> | undefined;
  const ports = () => (connected ??= Promise.all([backend.connect(), backend.connect()]));

  it.each(backend.share(rows))("%s: %s", async (_, fault, claimant) => {
    const scene = await setUp(await ports(), backend.prefix, claimant, 10_000);
    expect(await scene.there.countTaken()).toBe(0);
    await faults[fault]?.(scene);
  });

  const broken = brokenClaimants.flatMap(([claimant, found]) =>
    found.map((fault) => [claimant.name, fault, claimant] as const),
  );
  it.each(backend.share(broken))("rejects %s: %s", async (_, fault, claimant) => {
    const scene = await setUp(await ports(), backend.prefix, claimant, 300);
    await expect(faults[fault]?.(scene)).rejects.toBeInstanceOf(Error);
  });
});

it("has claimants of different names, which except faults that there are, each with a reason", () => {
  expect(new Set(claimants.map(({ name }) => name)).size).toBe(claimants.length);
  const known = new Set(Object.keys(faults));
  for (const { name, except } of claimants) {
    expect(
      Object.keys(except).filter((fault) => !known.has(fault)),
      name,
    ).toEqual([]);
    expect(
      Object.values(except).filter((reason) => reason.length < 10),
      name,
    ).toEqual([]);
  }
});
