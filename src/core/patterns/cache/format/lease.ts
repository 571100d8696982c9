/**
 * A lease holds the token of the call that loads. After a load that failed it holds this mark and the token, for the calls that waited
 * for that load.
 */
export const failedMark = "!";
