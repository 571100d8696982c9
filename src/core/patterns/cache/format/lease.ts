/**
 * What a lease begins with after its load has failed, before the token of that load: those who waited for it learn so. Otherwise a
 * lease holds the token of the call that loads.
 */
export const failedMark = "!";
