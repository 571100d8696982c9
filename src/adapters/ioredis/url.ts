import { OptionError } from "../../core/errors.ts";

/**
 * Checks the URL of a Redis, and returns it. The errors of Node and of ioredis for a URL that they cannot read contain the URL with its password.
 * This one names the setting alone.
 * @param name The name of the setting, for the message.
 * @throws {OptionError} The URL is missing, or it is not that of a Redis.
 * @example
 * const client = new Redis(checkRedisUrl(process.env.REDIS_URL), server);
 */
export function checkRedisUrl(url: string | undefined, name = "REDIS_URL"): string {
  if (typeof url === "string" && isReadable(url)) return url;
  throw new OptionError(
    `${name} must be a URL that begins with redis:// or rediss://; write @ / # ? % of a secret as %40 %2F %23 %3F %25`,
  );
}

/** Whether every part is where it belongs: a password with a slash or a hash sign in it would end up in the name of the host. */
function isReadable(text: string): boolean {
  try {
    const { username, password, pathname, search } = new URL(text);
    decodeURIComponent(username + password);
    return /^rediss?:\/\/[^#]+$/.test(text) && !/@/.test(pathname + search);
  } catch {
    return false;
  }
}
