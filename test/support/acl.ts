import { readFileSync } from "node:fs";
import type { Redis } from "../../src/core/port/redis.ts";
import { text } from "../../src/core/port/reply.ts";

/** Who connects: a program with patterns, its subscriber, or a gateway. */
export type Role = "app" | "listener" | "gateway";

/** What a client needs to connect as a user. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** The page that users read. It is the only place where the lines are written down. */
export const aclPage = readFileSync(new URL("../../docs/acl.md", import.meta.url), "utf8");

/** The sections of the page that have lines, the newest version first. */
const forms = aclPage
  .split(/^## /m)
  .map((section) => ({ version: Number(/^Redis (\d+\.\d+)/.exec(section)?.[1]), section }))
  .filter(({ version }) => !Number.isNaN(version))
  .sort((one, two) => two.version - one.version);

/** The versions from which the page has a form, the newest first. */
export const versions = forms.map(({ version }) => version);

/** The line of a role, as the page has it for this version of Redis: the words after `ACL SETUSER`. */
export function lineOf(role: Role, version: number): string[] {
  const form = forms.find((form) => form.version <= version);
  const line = new RegExp(`^ACL SETUSER (${role} .+)$`, "m").exec(form?.section ?? "")?.[1];
  if (!line) throw new Error(`docs/acl.md has no line for ${role} on Redis ${version}`);
  return line.split(" ");
}

/** The version of the server, such as 7.0. Valkey tells the version of the Redis that it stands for. */
export async function versionOf(admin: Redis): Promise<number> {
  return Number(/redis_version:(\d+\.\d+)/.exec(text(await admin.send(["INFO", "server"])))?.[1]);
}

/** Who a user is for. */
export interface DocumentedUser {
  /** What takes the place of `app` in the patterns of keys and channels. */
  readonly prefix: string;
  /** Rules that the line does not have, with `app` for the prefix. */
  readonly also?: readonly string[];
  /**
   * The version whose line it is.
   * @default that of the server
   */
  readonly version?: number;
}

/** Creates a user who has exactly the line of the page: only its name, `secret` and `app` in its patterns are replaced. */
export async function createUser(
  admin: Redis,
  role: Role,
  { prefix, also = [], version }: DocumentedUser,
): Promise<Login> {
  const login = { username: `${role}-${prefix}`, password: `password-of-${prefix}` };
  const known = await versionOf(admin);
  const [, ...line] = lineOf(role, version ?? known);
  const rules = [...line, ...also].filter((rule) => known >= 6.2 || !/^&|channels$/.test(rule));
  const own = rules.map((rule) =>
    rule === ">secret"
      ? `>${login.password}`
      : rule.replace(/^(.*[~&].*)\bapp\b/, (_, before: string) => before + prefix),
  );
  await admin.send(["ACL", "SETUSER", login.username, ...own]);
  return login;
}
