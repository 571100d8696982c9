/** An object that is still to be looked into, and the way to it. */
interface Place {
  readonly value: object;
  readonly key: string | number;
  readonly parent: Place | undefined;
}

/**
 * Finds what JSON does not give back as it was, such as a date, which comes back as text. A property whose value is `undefined` is no
 * such thing: it is gone, and reads as before.
 * @param name The name of the whole in the answer.
 * @returns The path of the first such part and its type, as in "`value.items[0].addedAt` is of type Date", or `undefined` if there is none.
 */
export function findNonJson(value: unknown, name: string): string | undefined {
  const seen = new Set<object>();
  const places: Place[] = [];
  // Objects wait for their turn: recursion would end at a depth that JSON still has.
  const look = (part: unknown, key: string | number, parent?: Place): string | undefined => {
    const type = foreignType(part);
    if (type) return `\`${parent ? pathTo(key, parent, name) : name}\` is ${type}`;
    if (typeof part === "object" && part !== null && !seen.has(part)) {
      seen.add(part);
      places.push({ value: part, key, parent });
    }
    return undefined;
  };
  let found = look(value, "");
  for (let place = places.pop(); place && !found; place = places.pop()) found = lookInside(place, look);
  return found;
}

function lookInside(
  place: Place,
  look: (part: unknown, key: string | number, parent: Place) => string | undefined,
): string | undefined {
  const { value } = place;
  const isList = Array.isArray(value);
  // The keys of an array name its holes, too.
  for (const key of isList ? value.keys() : Object.keys(value)) {
    const part: unknown = Reflect.get(value, key);
    const found = part === undefined && !isList ? undefined : look(part, key, place);
    if (found) return found;
  }
  return undefined;
}

/** Names the type of a part that JSON does not carry. */
function foreignType(part: unknown): string | undefined {
  if (part === undefined) return "undefined";
  if (typeof part === "number") return Number.isFinite(part) ? undefined : String(part);
  if (part === null || typeof part === "string" || typeof part === "boolean") return undefined;
  if (typeof part !== "object") return `of type ${typeof part}`;
  if (typeof Reflect.get(part, "toJSON") !== "function" && (Array.isArray(part) || isPlain(part))) return undefined;
  const { name } = Object(Reflect.get(part, "constructor"));
  return typeof name === "string" && name !== "" ? `of type ${name}` : "an instance of a class";
}

/** An object literal, of this realm or another, or an object without a prototype. */
function isPlain(part: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(part);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function pathTo(key: string | number, parent: Place, name: string): string {
  const keys = [key];
  for (let place = parent; place.parent; place = place.parent) keys.push(place.key);
  return [name, ...keys.toReversed().map(nameKey)].join("").slice(0, 256);
}

function nameKey(key: string | number): string {
  if (typeof key === "number") return `[${key}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
