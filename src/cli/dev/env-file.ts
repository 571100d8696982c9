import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** The token in a file of variables, so that a restart keeps it. */
export function readToken(file: string): string | undefined {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  return /^UPSTASH_REDIS_REST_TOKEN=["']?([^\s"']+)/m.exec(text)?.[1];
}

/** Sets variables in a file. Its other lines stay as they are. */
export function writeVariables(file: string, variables: Readonly<Record<string, string>>): void {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const kept = text.split("\n").filter((line) => !((line.split("=", 1)[0] ?? "").trim() in variables));
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const before = kept.join("\n").trimEnd();
  writeFileSync(file, `${before ? `${before}\n` : ""}${lines.join("\n")}\n`, { mode: 0o600 });
}
