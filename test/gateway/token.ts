export const token = "0123456789abcdef0123456789abcdef";
export const bearer = { authorization: `Bearer ${token}` };
export const asBase64 = { ...bearer, "upstash-encoding": "base64" };
