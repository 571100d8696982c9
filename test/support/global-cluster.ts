import type { TestProject } from "vitest/node";
import { startCluster } from "./cluster.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly clusterNodes: readonly { readonly host: string; readonly port: number }[];
  }
}

/** One Redis Cluster for the whole run: it takes seconds to form, and key prefixes keep the suites apart. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await startCluster();
  project.provide("clusterNodes", cluster.nodes);
  return cluster.stop;
}
