/** The bytes of a digest, by WebCrypto: it exists wherever the gateway runs. */
export async function digest(algorithm: "SHA-1" | "SHA-256", text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest(algorithm, new TextEncoder().encode(text)));
}

/** The digest by which Redis knows a script. */
export async function sha1(script: string): Promise<string> {
  const bytes = await digest("SHA-1", script);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The base64 of a text's UTF-8 bytes. */
export function base64(text: string): string {
  return btoa(isAscii(text) ? text : binary(new TextEncoder().encode(text)));
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}

/** One character for each byte, as `btoa` wants it; in pieces, since each byte becomes an argument. */
function binary(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8_192) text += String.fromCharCode(...bytes.subarray(i, i + 8_192));
  return text;
}
