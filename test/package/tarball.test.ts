import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { embeddedEngine } from "../../scripts/embedded-engine.ts";
import { type App, createApp, root } from "./packed.ts";

let app: App;
beforeAll(() => {
  app = createApp();
});
afterAll(() => app.remove());

const inPackages = (file: string) => readFileSync(join(root, "node_modules", file), "utf8").trim();

describe("the tarball", () => {
  it("brings nothing else into an empty folder", () => {
    const folders = readdirSync(join(app.folder, "node_modules")).filter((name) => !name.startsWith("."));
    expect(folders).toEqual(["redis-patterns"]);
    const { packages } = JSON.parse(readFileSync(join(app.folder, "package-lock.json"), "utf8"));
    expect(Object.keys(packages)).toEqual(["", "node_modules/redis-patterns"]);
    expect(packages["node_modules/redis-patterns"]).not.toHaveProperty("dependencies");
    expect(() => readdirSync(join(app.folder, "node_modules/redis-patterns/node_modules"))).toThrow("ENOENT");
  });

  it("is smaller than 1.5 MB", () => {
    expect(app.size).toBeGreaterThan(100_000);
    expect(app.size).toBeLessThan(1_500_000);
  });
});

describe("the notices of the tarball", () => {
  let notices = "";
  beforeAll(() => {
    notices = readFileSync(join(app.folder, "node_modules/redis-patterns/dist/THIRD-PARTY-NOTICES.txt"), "utf8");
  });

  it("have the licence of every package that was built in, as it says itself", async () => {
    const { metafile } = await build({
      entryPoints: ["src/cli/cli.ts", "src/adapters/memory/engine.ts"],
      absWorkingDir: root,
      bundle: true,
      write: false,
      metafile: true,
      outdir: "unused",
      format: "esm",
      platform: "node",
      mainFields: ["module", "main"],
      external: ["ioredis"],
      plugins: [embeddedEngine],
      logLevel: "silent",
    });
    const inputs = Object.keys(metafile.inputs).map((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1]);
    const packages = [...new Set(inputs)].filter((name) => name !== undefined).toSorted();
    expect(packages).toEqual(["cluster-key-slot", "commander", "js-redis-server", "lua-redis-wasm"]);
    for (const name of packages) expect(notices, name).toContain(`${name}\n\n${inPackages(`${name}/LICENSE`)}\n`);
  });

  it("have the licences of what the machine code of Lua contains", () => {
    expect(notices).toContain(inPackages("lua-redis-wasm/THIRD_PARTY_NOTICES.md"));
    for (const file of ["lua_cjson.c", "lua_cmsgpack.c", "lua_struct.c", "lua_bit.c"]) {
      expect(notices).toContain(`## ${file}`);
    }
    expect(notices).toContain("Copyright (C) 1994-2012 Lua.org, PUC-Rio.");
    expect(notices).toContain("Rich Felker");
    expect(notices).toContain("Emscripten authors");
  });

  it("have the whole of a licence that is named only", () => {
    expect(inPackages("cluster-key-slot/LICENSE")).toContain("http://www.apache.org/licenses/LICENSE-2.0");
    expect(notices).toContain("TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION");
  });
});
