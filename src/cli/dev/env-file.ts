import { existsSync, readFileSync, writeFileSync } from "node:fs";

/**
 * The token in a file of variables, so that a restart keeps it.
 * @throws {Error} It is no file.
 */
export function readToken(file: string): string | undefined {
  return /^UPSTASH_REDIS_REST_TOKEN=["']?([^\s"']+)/m.exec(read(file))?.[1];
}

/**
 * Sets variables in a file. Its other lines stay as they are.
 * @throws {Error} It cannot be written.
 */
export function writeVariables(file: string, variables: Readonly<Record<string, string>>): void {
  const kept = read(file)
    .split("\n")
    .filter((line) => !((line.split("=", 1)[0] ?? "").trim() in variables));
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const before = kept.join("\n").trimEnd();
  const text = `${before ? `${before}\n` : ""}${lines.join("\n")}\n`;
  explained(file, () => writeFileSync(file, text, { mode: 0o600 }));
}

function read(file: string): string {
  return existsSync(file) ? explained(file, () => readFileSync(file, "utf8")) : "";
}

function explained<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`--env needs a file that can be written, and ${file} is none: ${reason}`, { cause });
  }
}
