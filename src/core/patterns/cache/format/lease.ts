// A lease holds the token of the call that loads; or, after a load that failed, this mark and the token, for those who waited for it.

const failed = "!";

/** Lua: what a lease holds after the load of `token` has failed. */
export function failedLua(token: string): string {
  return `"${failed}" .. ${token}`;
}

/** Lua: whether what a lease holds says that its load has failed. */
export function hasFailedLua(holder: string): string {
  return `string.sub(${holder}, 1, 1) == "${failed}"`;
}
