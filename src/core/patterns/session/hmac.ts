import { OptionError } from "../../errors.ts";
import { base64url, fromBase64url } from "../../crypto.ts";

/** HMAC-SHA-256 under keys that can be exchanged without an outage: the first signs, all of them verify. */
export interface Hmac {
  sign(message: string): Promise<string>;
  verify(message: string, mac: string): Promise<boolean>;
}

export function hmac(name: string, secrets: readonly string[]): Hmac {
  const [first] = secrets;
  if (first === undefined || secrets.some((secret) => typeof secret !== "string" || secret.length < 32)) {
    throw new OptionError(`\`${name}\` must be a list of secrets of at least 32 random characters, the newest first`);
  }
  const key = keyring();
  return {
    sign: async (message) =>
      base64url(new Uint8Array(await crypto.subtle.sign("HMAC", await key(first), bytes(message)))),
    verify: async (message, mac) => {
      const given = mac.length === 43 ? fromBase64url(mac) : null;
      for (const secret of given ? secrets : []) {
        // The platform's verification takes the same time wherever the difference is.
        if (given && (await crypto.subtle.verify("HMAC", await key(secret), given, bytes(message)))) return true;
      }
      return false;
    },
  };
}

/** Imports each secret once. The key is kept, never its promise: in a Worker, no request may wait for what another one started. */
function keyring(): (secret: string) => Promise<CryptoKey> {
  const keys = new Map<string, CryptoKey>();
  return async (secret) => {
    const known = keys.get(secret);
    if (known) return known;
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", bytes(secret), algorithm, false, ["sign", "verify"]);
    keys.set(secret, key);
    return key;
  };
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
