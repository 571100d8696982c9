import { base64url, fromBase64url } from "../../crypto.ts";
import { OptionError } from "../../errors.ts";

/** HMAC-SHA-256 under secrets that can be exchanged without an outage: the first signs, all of them verify. */
export interface Hmac {
  sign(message: string): Promise<string>;
  verify(message: string, mac: string): Promise<boolean>;
}

export function createHmac(name: string, secrets: readonly string[]): Hmac {
  const [first] = secrets;
  if (first === undefined || secrets.some((secret) => typeof secret !== "string" || secret.length < 32)) {
    throw new OptionError(`\`${name}\` must be a list of secrets of at least 32 random characters, the newest first`);
  }
  const key = createKeyring();
  return {
    sign: async (message) =>
      base64url(new Uint8Array(await crypto.subtle.sign("HMAC", await key(first), toBytes(message)))),
    verify: async (message, mac) => {
      const given = mac.length === 43 ? fromBase64url(mac) : null;
      // The last character holds four bits of the MAC and two spare ones: of its four forms only the one that `sign` writes counts.
      const isCanonical = given && base64url(given) === mac;
      for (const secret of isCanonical ? secrets : []) {
        // The platform's verification takes the same time wherever the difference is.
        if (isCanonical && (await crypto.subtle.verify("HMAC", await key(secret), given, toBytes(message))))
          return true;
      }
      return false;
    },
  };
}

/** Imports each secret once. The key is kept, never its promise: in a Worker, no request may wait for what another one started. */
function createKeyring(): (secret: string) => Promise<CryptoKey> {
  const keys = new Map<string, CryptoKey>();
  return async (secret) => {
    const known = keys.get(secret);
    if (known) return known;
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", toBytes(secret), algorithm, false, ["sign", "verify"]);
    keys.set(secret, key);
    return key;
  };
}

function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
