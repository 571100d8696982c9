import type { TestProject } from "vitest/node";
import { type ClusterNode, startCluster } from "./cluster.ts";
import { workers } from "./workers.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly clusters: readonly (readonly ClusterNode[])[];
  }
}

/**
 * A Redis Cluster for each worker, for the whole run: it takes seconds to form. Key prefixes keep the suites of one worker apart, and
 * no other file runs beside them whose commands would be counted as theirs.
 */
export async function setup(project: TestProject): Promise<() => Promise<unknown>> {
  const clusters = await Promise.all(Array.from({ length: workers }, startCluster));
  project.provide(
    "clusters",
    clusters.map(({ nodes }) => nodes),
  );
  return () => Promise.all(clusters.map(({ stop }) => stop()));
}
