// What only locks have; every fault of a claim and of a hand-off is in the ledger of claims.
import { expect, it } from "vitest";
import { kinds } from "../../fixtures/lock-kinds.ts";
import { onStandaloneBackends } from "../../support/backends.ts";

onStandaloneBackends("a lock that is handed off", (backend) => {
  it.each(Object.entries(kinds).filter(([kind]) => kind !== "many locks"))(
    "has a fence of its own after each hand-off, larger than the one before: %s",
    async (_, make) => {
      const options = { prefix: `${backend.prefix}:fences`, ttl: 30_000, wait: 5_000 };
      const here = make(await backend.connect(), options);
      const there = make(await backend.connect(), options);
      const lease = await here.acquire();
      const resumed = await there.resume?.(lease.serialize?.() ?? "");
      expect(BigInt(resumed?.fence ?? 0)).toBeGreaterThan(BigInt(lease.fence ?? 0));
      expect(await lease.release()).toBe(false);
      expect(await resumed?.release()).toBe(true);
    },
  );
});
