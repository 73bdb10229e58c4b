// Node's own, undocumented fast paths under toString("latin1") and write(text, "latin1").
interface Buffer {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, offset: number, length: number): number;
}
