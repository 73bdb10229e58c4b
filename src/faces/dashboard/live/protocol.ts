/** What src/wire/live.ts calls so; copied, because that file would bring its schemas along (a test compares them). */

export const liveProtocol = "sluice.live.v1";
export const liveTokenPrefix = "sluice.token.";
export const tokenChangedCode = 4401;
