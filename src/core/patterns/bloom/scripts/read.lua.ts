import { raw } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { chooseGenerations, look } from "./generations.lua.ts";

// Reads the two generations that the server's clock chooses: for each, the header and the bits.
export const readScript = defineScript({
  keys: ["...filters"],
  args: ["starts", "...places"],
  decode: raw,
  lua: `
${chooseGenerations}
${look}
return {look(current), look(older)}`,
});
