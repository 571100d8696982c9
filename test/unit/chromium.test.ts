import { afterEach, expect, it } from "vitest";
import { startChromium } from "../support/chromium.ts";

const { CHROMIUM } = process.env;

afterEach(() => {
  if (CHROMIUM === undefined) delete process.env["CHROMIUM"];
  else process.env["CHROMIUM"] = CHROMIUM;
});

it("says what to do where no Chromium starts", async () => {
  process.env["CHROMIUM"] = "/nowhere/chromium";
  await expect(startChromium()).rejects.toThrow(
    /Set CHROMIUM to the path of a Chrome or Chromium[^]*\/nowhere\/chromium/,
  );
});
