/** Gives the browser a file that came in an answer. The token travelled in the request's header; no address holds it. */
export async function saveResponse(response: Response, fallbackName: string): Promise<string> {
  const name = nameOf(response.headers.get("content-disposition")) ?? fallbackName;
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The download has begun: what it reads is held until it is done.
  URL.revokeObjectURL(address);
  return name;
}

/** The file's name as the server says it, without a folder. */
function nameOf(disposition: string | null): string | null {
  const [, name] = /filename="([^"/\\]+)"/.exec(disposition ?? "") ?? [];
  return name ?? null;
}
