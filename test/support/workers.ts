/** How many test files run at a time: most of their time is spent waiting for servers, so more than there are cores. */
export const workers = 4;
