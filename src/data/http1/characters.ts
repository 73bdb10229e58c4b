/** Byte classes of RFC 9110 §5.6.2 and RFC 9112, as tables: one look-up per byte. */

function table(accept: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (accept(code) ? 1 : 0));
}

const tokenPunctuation = new Set(Buffer.from("!#$%&'*+-.^_`|~"));

function isAlphanumeric(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a)
  );
}

/** `token`: method and field names. */
export const tokenByte = table((code) => isAlphanumeric(code) || tokenPunctuation.has(code));

/** Field values and reason phrases: HTAB, SP, visible ASCII and obs-text; no other control. */
export const fieldByte = table((code) => code === 0x09 || (code >= 0x20 && code !== 0x7f));

/** Request targets: visible ASCII without `#`; anything else must arrive percent-encoded. */
export const targetByte = table((code) => code > 0x20 && code < 0x7f && code !== 0x23);

/** Hexadecimal digit → value, 255 for every other byte. */
export const hexDigit = Uint8Array.from({ length: 256 }, (_, code) => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  return 255;
});

export const lineFeed = 0x0a;
export const carriageReturn = 0x0d;
