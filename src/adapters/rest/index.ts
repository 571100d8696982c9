export { type RestEnv, restFromEnv } from "./env.ts";
export { rest, type RestOptions } from "./rest.ts";
