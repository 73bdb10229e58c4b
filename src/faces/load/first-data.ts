/** Finds the first piece of data in a streamed answer: a `data:` line of an event stream, or a whole NDJSON line. */
export type FirstDataScanner = {
  /** Whether the first data is in what has been read up to now. */
  hasData(chunk: Buffer): boolean;
};

const newline = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const dataField = Buffer.from("data:");

/** Null where the content type is no stream. */
export function scannerFor(contentType: string): FirstDataScanner | null {
  const type = (contentType.split(";", 1)[0] as string).trim().toLowerCase();
  if (type === "text/event-stream") return eventScanner();
  if (type === "application/x-ndjson" || type === "application/jsonl") return lineScanner();
  return null;
}

function lineScanner(): FirstDataScanner {
  let hasText = false;
  return {
    hasData(chunk) {
      for (const byte of chunk) {
        if (byte === newline && hasText) return true;
        hasText ||= byte > space;
      }
      return false;
    },
  };
}

function eventScanner(): FirstDataScanner {
  /** How many bytes of `data:` the present line has begun with; -1 when it begins with something else. */
  let matched = 0;
  return {
    hasData(chunk) {
      for (const byte of chunk) {
        if (byte === newline || byte === carriageReturn) matched = 0;
        else if (matched === dataField.length) {
          // An empty field is no data.
          if (byte !== space) return true;
        } else if (matched >= 0) matched = byte === dataField[matched] ? matched + 1 : -1;
      }
      return false;
    },
  };
}
