declare module "cloudflare:workers" {
  /** The bindings of the Worker, at module scope too. */
  export const env: Readonly<Record<string, unknown>>;
}
