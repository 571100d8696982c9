import type { Identity } from "./identity.ts";

/** How many tokens are remembered, at 2 kB each; the one that was first seen longest ago is forgotten first. */
const most = 4_000;

/**
 * What hashing and verifying gave for the tokens of live sessions, so that a visitor's next request saves that work. It says nothing
 * about whether the session still lives: Redis is asked each time.
 */
export interface KnownTokens {
  find(token: string): Identity | undefined;
  remember(token: string, identity: Identity): void;
}

/** Remembers in this process, and never writes down. */
export function knownTokens(): KnownTokens {
  const identities = new Map<string, Identity>();
  return {
    find: (token) => identities.get(token),
    remember(token, identity) {
      identities.set(token, identity);
      // A Map keeps the order of insertion, so its first key is the oldest.
      for (const oldest of identities.keys()) {
        if (identities.size <= most) return;
        identities.delete(oldest);
      }
    },
  };
}
