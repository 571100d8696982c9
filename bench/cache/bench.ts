// The cache beside its peers, in one process against one redis-server: `npm run bench -- cache`.
import { Redis as Client } from "ioredis";
import { startRedis } from "../../test/support/redis-server.ts";
import { rowOfBefore } from "../harness/checkout.ts";
import { type Asked, type Contender, twice } from "../harness/contender.ts";
import { tcpLimits } from "../harness/limits.ts";
import type { Role } from "../harness/results.ts";
import { run } from "../harness/run.ts";
import type { CacheInstance, CacheLibrary } from "./instance.ts";
import { hits, localHits, misses, type Sized } from "./loads.ts";
import { cacheOf, lruCache, ours, raw, woken } from "./ours.ts";
import { outages } from "./outage.ts";
import { rivals } from "./rivals.ts";
import { stampede } from "./stampede.ts";

const small: Sized = { name: "118 B", length: 60 };
const sizes: readonly Sized[] = [small, { name: "7 kB", length: 7_100 }, { name: "100 kB", length: 100_000 }];

await run("cache", async (bench) => {
  const server = await startRedis();
  const admin = new Client({ host: server.host, port: server.port });
  const contender = (library: CacheLibrary, role: Role) => ({
    name: library.name,
    role,
    open: () => library.open(server),
  });
  const everybody: readonly Contender<CacheInstance>[] = [
    ...twice(ours.name, () => ours.open(server)),
    contender(raw, "limit"),
    ...rowOfBefore(bench.before, (name, checkout) => contender(cacheOf(name, checkout, "before"), "other")),
    ...rivals.map((library) => contender(library, "other")),
  ];
  const emptyScripts = tcpLimits(server).map(asCache);
  for (const size of sizes) {
    const title = `Cache over TCP, ${size.name}`;
    const contenders = [...everybody, ...emptyScripts];
    await bench.measure({ title: `${title}: hits`, contenders, loads: hits(size) });
    await bench.measure({ title: `${title}: misses`, contenders, loads: misses(size, () => admin.flushdb()) });
  }
  await bench.measure({
    title: "Cache in memory: hits",
    contenders: [...everybody, contender(lruCache, "limit")],
    loads: localHits(small),
  });
  const shared = [ours, woken, ...rivals];
  await bench.tell(
    "Cache: 10 instances, 20 callers each, all ask for a cold key whose load takes 100 ms",
    async () => ({
      columns: ["calls of the origin", "ms for all"],
      rows: await rowsOf(shared, (library) => stampede(library, server, bench.effort)),
    }),
  );
  const patience = bench.mode === "quick" ? 3_000 : 15_000;
  await bench.tell(
    `Cache: Redis is dead, what the first and the fifth call give; given up after ${patience} ms`,
    async () => ({
      columns: ["connections are refused", "what is sent is swallowed"],
      rows: await rowsOf([ours, ...rivals], (library) => outages(library, server, patience)),
    }),
  );
  admin.disconnect();
  await server.stop();
});

async function rowsOf(libraries: readonly CacheLibrary[], look: (library: CacheLibrary) => Promise<readonly string[]>) {
  const rows = [];
  for (const library of libraries) rows.push({ name: library.name, cells: await look(library) });
  return rows;
}

/** What the machine can do at best: one trip that does nothing, in place of a hit or a miss. */
function asCache({ name, role, open }: Contender<Asked>): Contender<CacheInstance> {
  const opened = async () => {
    const { call, close } = await open();
    return { get: call, close };
  };
  return { name, role, open: opened };
}
