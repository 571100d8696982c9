import { rmSync } from "node:fs";
import type { TestProject } from "vitest/node";
import { installPacked } from "../package/packed.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A folder into which the packed package was installed. */
    readonly packed: string;
  }
}

/** Once for the whole run: each test file that needs an app copies this one. */
export function setup(project: TestProject): () => void {
  const folder = installPacked();
  project.provide("packed", folder);
  return () => rmSync(folder, { recursive: true });
}
