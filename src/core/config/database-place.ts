/** Where a database is, for people: what a message may name, and what none may. */
export type Place = {
  /** `host:port/database`. */
  readonly name: string;
  /** What the URL holds that nobody may read; null without one. */
  readonly secret: string | null;
};

/** Of a URL such as `postgres://user:password@host:5432/database`; the host may be a folder of sockets. */
export function placeOf(url: string): Place {
  const { hostname, port, pathname, username, password, searchParams } = new URL(url);
  const host = searchParams.get("host") ?? decodeURIComponent(hostname);
  const database = decodeURIComponent(pathname.slice(1)) || decodeURIComponent(username);
  const secret = searchParams.get("password") ?? decodeURIComponent(password);
  return {
    name: `${host || "localhost"}:${searchParams.get("port") ?? (port || "5432")}/${database}`,
    secret: secret || null,
  };
}

/** Whether it is a URL that `placeOf` can read. */
export function isDatabaseUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hostname, pathname } = new URL(text);
  try {
    for (const part of [username, password, hostname, pathname]) decodeURIComponent(part);
  } catch {
    return false;
  }
  return protocol === "postgres:" || protocol === "postgresql:";
}

/** A text of others, without what nobody may read. */
export function withoutSecret({ secret }: Place, text: string): string {
  return secret === null ? text : text.replaceAll(secret, "***");
}
