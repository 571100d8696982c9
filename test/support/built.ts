import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Builds the package unless what was built is newer than every source. */
export function setup(): void {
  const sources = ["src", "scripts", "package.json", "tsup.config.ts", "tsconfig.json"];
  if (timeOf(["dist"], Math.min) > timeOf(sources, Math.max)) return;
  const { status, stdout, stderr } = spawnSync(join(root, "node_modules/.bin/tsup"), { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`The package does not build:\n${stdout}${stderr}`);
}

function timeOf(places: readonly string[], pick: (...times: number[]) => number): number {
  const times = places.flatMap((place) => filesIn(join(root, place)).map((file) => statSync(file).mtimeMs));
  return times.length === 0 ? 0 : pick(...times);
}

function filesIn(place: string): string[] {
  const stat = statSync(place, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return stat ? [place] : [];
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
