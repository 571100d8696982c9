import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { askAroundServerTime } from "../../src/core/script/server-time.ts";
import type { Reply } from "../../src/core/port/redis.ts";
import { days, hours, minutes } from "../../src/core/time/duration.ts";
import { daily, monthly, weekly } from "../../src/core/time/calendar.ts";
import { checkPeriod, every, type Period, spanAt, spansAround } from "../../src/core/time/period.ts";

const zones = [
  "UTC",
  "Europe/Berlin",
  "Asia/Tokyo",
  "America/New_York",
  "Africa/Cairo",
  "Pacific/Apia",
  "Asia/Kolkata",
];
/** 1990 to 2040. */
const instants = fc.integer({ min: 631_152_000_000, max: 2_208_988_800_000 });
const at = (period: Period, instant: string) => spanAt(period, Date.parse(instant));
const hoursOf = ({ start, end }: { readonly start: number; readonly end: number }) => (end - start) / hours(1);

/** What a zone's wall clock shows, such as "2026-10-25 00:00:00". */
function wallClock(timeZone: string, instant: number): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" }).format(instant);
}

/** What is wrong with a period around an instant: each must follow the last, contain what it says, and begin at the midnight of its zone. */
function faultsOf(period: Period, timeZone: string, instant: number): string[] {
  const [before, here, after] = spansAround(period, instant);
  if (!before || !here || !after) return ["one is missing"];
  const night = wallClock(timeZone, here.start);
  return [
    ...(before.end === here.start && here.end === after.start ? [] : ["a gap"]),
    ...(here.start <= instant && instant < here.end ? [] : ["another period"]),
    ...(new Set([before.name, here.name, after.name]).size === 3 ? [] : ["a name twice"]),
    // Where clocks are set forward at midnight, the day begins at one.
    ...(/ 0[01]:00:00$/.test(night) && !wallClock(timeZone, here.start - 1).startsWith(night.slice(0, 10))
      ? []
      : ["no midnight"]),
  ];
}

describe("a period of the calendar", () => {
  it.each([
    ["daily", daily],
    ["weekly", weekly],
    ["monthly", monthly],
  ])("follows the last one at midnight, without a gap, in every zone: %s", (_, create) => {
    const property = fc.property(fc.constantFrom(...zones), instants, (timeZone, instant) => {
      expect(faultsOf(create({ timeZone }), timeZone, instant)).toEqual([]);
    });
    fc.assert(property, { numRuns: 150, seed: 20_261_127 });
  });

  it.each([
    ["daily", daily],
    ["weekly", weekly],
    ["monthly", monthly],
  ])("refuses an instant whose year has no four digits, such as one in microseconds: %s", (_, create) => {
    const message = "An instant of the calendar must be in milliseconds since 1970, and in the years 1001 to 9999";
    for (const timeZone of ["UTC", "Pacific/Apia"]) {
      const period = create({ timeZone });
      for (const instant of [
        1_795_786_836_002_000,
        8.65e15,
        -7e13,
        Date.UTC(10_000),

        Number.NaN,
        Number.POSITIVE_INFINITY,
      ]) {
        expect(() => period.at(instant)).toThrow(expect.objectContaining({ code: "OPTION", message }));
      }
      // The last day of the year 9999 in UTC is the first of the next year in Apia.
      const last = () => period.at(Date.UTC(10_000) - 1).name;
      if (timeZone === "UTC") expect(last()).toMatch(/^9999-/);
      else expect(last).toThrow(expect.objectContaining({ code: "OPTION", message }));
      for (const instant of [Date.UTC(1002), -1, 0, Date.UTC(9999)]) {
        expect(faultsOf(period, timeZone, instant)).toEqual([]);
      }
    }
  });

  it("would be found, if its days had 24 hours where clocks change", () => {
    const zone = "Europe/Berlin";
    const naive: Period = {
      name: "naive",
      at: (instant) => {
        const start = Math.floor((instant + hours(1)) / days(1)) * days(1) - hours(1);
        return { name: new Date(start + hours(12)).toISOString().slice(0, 10), start, end: start + days(1) };
      },
    };
    expect(faultsOf(naive, zone, Date.parse("2026-01-15T12:00Z"))).toEqual([]);
    expect(faultsOf(naive, zone, Date.parse("2026-07-15T12:00Z"))).toEqual(["no midnight"]);
  });

  it("has 23 or 25 hours where clocks change", () => {
    const berlin = daily({ timeZone: "Europe/Berlin" });
    expect(at(berlin, "2026-03-29T12:00Z")).toMatchObject({ name: "2026-03-29@Europe/Berlin" });
    expect(hoursOf(at(berlin, "2026-03-29T12:00Z"))).toBe(23);
    expect(hoursOf(at(berlin, "2026-10-25T12:00Z"))).toBe(25);
    expect(hoursOf(at(daily(), "2026-10-25T12:00Z"))).toBe(24);
  });

  it("begins at one o'clock where midnight was left out, and a day that a zone left out is none", () => {
    expect(at(daily({ timeZone: "Africa/Cairo" }), "2024-04-26T12:00Z").start).toBe(Date.parse("2024-04-25T22:00Z"));
    const [before, here] = spansAround(daily({ timeZone: "Pacific/Apia" }), Date.parse("2011-12-31T00:00Z"));
    expect([before?.name, here?.name]).toEqual(["2011-12-29@Pacific/Apia", "2011-12-31@Pacific/Apia"]);
  });

  it("does not end while a clock that was set back at midnight shows the new day for the first time", () => {
    const stJohns = daily({ timeZone: "America/St_Johns" });
    // One minute past midnight the clock went back to one past eleven.
    const spans = ["2006-10-29T02:29:00Z", "2006-10-29T02:30:30Z", "2006-10-29T03:29:00Z"].map((time) =>
      at(stJohns, time),
    );
    for (const [i, instant] of ["2006-10-29T02:29:00Z", "2006-10-29T02:30:30Z", "2006-10-29T03:29:00Z"].entries()) {
      expect(spans[i]?.start).toBeLessThanOrEqual(Date.parse(instant));
      expect(spans[i]?.end).toBeGreaterThan(Date.parse(instant));
    }
  });

  it.each([
    ["2026-12-31T12:00Z", "2026-W53"],
    ["2027-01-03T23:59:59.999Z", "2026-W53"],
    ["2027-01-04T00:00Z", "2027-W01"],
    ["2024-12-30T00:00Z", "2025-W01"],
    ["2021-01-03T12:00Z", "2020-W53"],
    ["2016-01-03T12:00Z", "2015-W53"],
    ["1969-12-31T12:00Z", "1970-W01"],
  ])("is a week of ISO 8601: %s is in %s", (instant, name) => {
    expect(at(weekly(), instant).name).toBe(name);
  });

  it("is another one in Tokyo than in UTC, and says so in its name", () => {
    const instant = "2027-01-03T15:00Z";
    expect(at(weekly(), instant).name).toBe("2026-W53");
    expect(at(weekly({ timeZone: "Asia/Tokyo" }), instant).name).toBe("2027-W01@Asia/Tokyo");
    expect(at(monthly({ timeZone: "Asia/Tokyo" }), "2026-12-31T15:00Z").name).toBe("2027-01@Asia/Tokyo");
  });

  describe("does not depend on the zone of the process", () => {
    const usual = process.env["TZ"];
    afterEach(() => {
      if (usual === undefined) delete process.env["TZ"];
      else process.env["TZ"] = usual;
    });

    it("weekly key equal in TZ=Asia/Tokyo and UTC", () => {
      const names = ["UTC", "Asia/Tokyo", "America/New_York"].map((zone) => {
        process.env["TZ"] = zone;
        expect(new Date(0).getHours()).toBe(zone === "UTC" ? 0 : zone === "Asia/Tokyo" ? 9 : 19);
        return [weekly(), daily(), monthly()].map((period) => at(period, "2026-03-01T00:00Z").name);
      });
      expect(new Set(names.map(String))).toEqual(new Set(["2026-W09,2026-03-01,2026-03"]));
    });
  });

  it("of a fixed length has its length in its name", () => {
    const { name, start, end } = at(every(minutes(15)), "2026-12-31T15:07Z");
    expect({ name, start, end }).toEqual({
      name: `900000:${Date.parse("2026-12-31T15:00Z")}`,
      start: Date.parse("2026-12-31T15:00Z"),
      end: Date.parse("2026-12-31T15:15Z"),
    });
  });

  it("is quick to find again: a thousand calls ask the calendar for a few days only", () => {
    const asked = Intl.DateTimeFormat.prototype.formatToParts;
    let calls = 0;
    Intl.DateTimeFormat.prototype.formatToParts = function count(date) {
      calls += 1;
      return asked.call(this, date);
    };
    try {
      const tokyo = daily({ timeZone: "Asia/Tokyo" });
      for (let i = 0; i < 1_000; i += 1) spansAround(tokyo, Date.parse("2026-11-27T12:00Z") + i);
    } finally {
      Intl.DateTimeFormat.prototype.formatToParts = asked;
    }
    expect(calls).toBeLessThan(400);
  });

  it.each<[string, () => unknown]>([
    ["timeZone", () => daily({ timeZone: "Europe/Nowhere" })],
    ["timeZone", () => weekly({ timeZone: "" })],
    ["length", () => every(0)],
    ["length", () => every(Number.NaN)],
    ["period", () => checkPeriod("daily" as never)],
    ["period", () => checkPeriod([] as never)],
    ["period", () => checkPeriod({ at: () => ({ name: "a", start: 0, end: 9 }) } as never)],
    ["period.name", () => checkPeriod({ ...daily(), name: "" })],
    ["period", () => spanAt({ name: "own", at: () => ({ name: "a", start: 5, end: 9 }) }, 4)],
    ["period", () => spanAt({ name: "own", at: () => ({ name: "", start: 0, end: 9 }) }, 4)],
    ["period", () => spanAt({ name: "own", at: () => ({ name: "a", start: 0, end: 4 }) }, 4)],
  ])("refuses what can never work, and names it: %s", (name, create) => {
    expect(create).toThrowError(
      expect.objectContaining({ code: "OPTION", message: expect.stringContaining(`\`${name}\``) }),
    );
  });
});

describe("asking around the server's time", () => {
  const answers = (...replies: readonly Reply[]) => {
    const asked: number[] = [];
    const ask = async (now: number) => {
      asked.push(now);
      return replies[asked.length - 1] ?? null;
    };
    return { ask, asked };
  };

  it("asks once where the clocks agree", async () => {
    const { ask, asked } = answers("7");
    expect(await askAroundServerTime(ask)).toBe("7");
    expect(asked).toHaveLength(1);
    expect(Math.abs((asked[0] ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it("asks again with the time that the server has told", async () => {
    const { ask, asked } = answers("@5000", "7");
    expect(await askAroundServerTime(ask)).toBe("7");
    expect(asked[1]).toBe(5_000);
  });

  it("gives up on a server that never agrees with itself", async () => {
    const { ask, asked } = answers("@1", "@2", "@3", "@4", "@5");
    await expect(askAroundServerTime(ask)).rejects.toMatchObject({ code: "SHAPE" });
    expect(asked).toHaveLength(4);
  });
});
