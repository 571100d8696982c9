export { daily, monthly, weekly } from "../../time/calendar.ts";
export type { CalendarOptions } from "../../time/calendar.ts";
export { every } from "../../time/period.ts";
export type { Period, Span } from "../../time/period.ts";
export type { Lifetime } from "../../time/lifetime.ts";
export type { ChangeOptions } from "../../request.ts";
export { approximate } from "./approximate.ts";
export { exact } from "./exact.ts";
export { hybrid } from "./hybrid.ts";
export type { HybridOptions } from "./hybrid.ts";
export { hasMember } from "./operations/has-member.ts";
export { listMembers } from "./operations/list-members.ts";
export type { ListMembersOptions, MembersPage } from "./operations/list-members.ts";
export { removeMember } from "./operations/remove-member.ts";
export type {
  CountKind,
  CountName,
  MemberHash,
  Uniques,
  UniquesAdded,
  UniquesCallOptions,
  UniquesChangeOptions,
  UniquesCount,
  UniquesCountOptions,
  UniquesOptions,
} from "./options.ts";
export { saltedHash } from "./salted-hash.ts";
export type { SaltedHashOptions } from "./salted-hash.ts";
export { createUniques } from "./uniques.ts";
