// Writes docs/benchmarks.md from the file of results: `npm run bench -- report [--json file]`.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readOptions } from "../harness/options.ts";
import { readResults } from "../harness/store.ts";
import { report } from "./report.ts";

const { json } = readOptions();
const results = readResults(json);
const page = join(import.meta.dirname, "../../docs/benchmarks.md");

if (results.benches.length === 0) {
  console.error(`There are no results in ${json} yet; \`npm run bench\` makes them`);
  process.exitCode = 1;
} else {
  writeFileSync(page, report(results));
  console.log(`${page} is written from ${json}`);
}
