/** What the user can put right; shown without a stack. */
export class SetupError extends Error {}
