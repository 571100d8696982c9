// A release can overtake the claim that it is to undo, since two requests over HTTP have no order. It finds nothing then, and the claim
// would be granted to nobody for a whole lease. So it leaves its token in `gone`, and a token that is in there is refused. The lines below
// expect `token` and `gone`, and what that reads as `givenUp`.

/** Two hundred tokens and their spaces: as many as are remembered, so that reading them stays short. */
const most = 200 * 37;

/** Remembers for a minute that the token was given up. */
export const giveUp = `
redis.call("SET", gone, string.sub((givenUp or "") .. token .. " ", -${most}), "PX", 60000)`;

/** True if the token was given up, or was the last that was released. Expects what the counter reads as `fences`, too. */
export const wasGivenUp =
  "(givenUp and string.find(givenUp, token, 1, true) or fences and string.find(fences, token, 1, true))";
