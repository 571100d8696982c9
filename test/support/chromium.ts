import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type LaunchOptions } from "playwright-core";

const root = fileURLToPath(new URL("../../", import.meta.url));

const remedy = [
  "No Chromium started, and the pages are tested in one. Any of these will do:",
  "  1. Set CHROMIUM to the path of a Chrome or Chromium.",
  "  2. Install Google Chrome where its installer puts it.",
  "The package @sparticuz/chromium has one for Linux on x64 with glibc 2.34 or later; npm ci installs it.",
].join("\n");

/**
 * Starts a Chromium without a window: the one that CHROMIUM names, else that of the package, else an installed Chrome.
 * @throws {Error} None started. The message says what to do, and what each said.
 */
export async function startChromium(): Promise<Browser> {
  const { CHROMIUM } = process.env;
  const tries = CHROMIUM ? [() => ({ executablePath: CHROMIUM })] : [packaged, () => ({ channel: "chrome" })];
  const failures: string[] = [];
  for (const options of tries) {
    try {
      return await chromium.launch({ ...options(), args: ["--no-sandbox", "--disable-gpu"] });
    } catch (error) {
      failures.push(String(error).slice(0, 1_000));
    }
  }
  throw new Error([remedy, ...failures].join("\n\n"));
}

/** The executable of the package, and the libraries and the font that it brings along. */
function packaged(): LaunchOptions {
  const folder = unpacked();
  return {
    executablePath: join(folder, "chromium"),
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(folder, "al2023/lib"),
      FONTCONFIG_FILE: join(folder, "fonts.conf"),
    },
  };
}

/** @returns The folder. It is there whole or not at all. */
function unpacked(): string {
  const manifest = new URL("../package.json", import.meta.resolve("@sparticuz/chromium"));
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  const cache = join(root, ".cache");
  const folder = join(cache, `chromium-${version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const partial = mkdtempSync(join(cache, "chromium-"));
  try {
    unpackInto(partial);
    writeFileSync(join(partial, "fonts.conf"), fontsIn(folder));
    renameSync(partial, folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return folder;
}

/** The package's own list of folders has those of Lambda alone, and a Chromium that finds no font ends itself. */
function fontsIn(folder: string): string {
  const dirs = [join(folder, "fonts"), "/usr/share/fonts"].map((path) => `<dir>${path}</dir>`);
  return `<fontconfig>${dirs.join("")}<cachedir>${join(folder, "fonts-cache")}</cachedir></fontconfig>\n`;
}

/** The package unpacks into the folder for temporary files, and its libraries only where it takes the machine for Lambda. */
function unpackInto(folder: string): void {
  const program = 'import chromium from "@sparticuz/chromium"; await chromium.executablePath();';
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, TMPDIR: folder, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x" },
  });
  if (status !== 0) throw new Error(`The Chromium of the package was not unpacked:\n${stderr}`);
}
