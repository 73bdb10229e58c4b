/** Answers of one key that are looked at before a length counts as the usual one. */
const learnedAfter = 8;
/** Answers that are all looked at in the beginning, and again after a wrong one; else one in `sampleEvery`. */
const allOf = 32;
const sampleEvery = 64;
/** A length is not counted further, so that a new one can become the usual one in time. */
const countMax = 64;
/** Kinds of requests, and lengths for each, that are told apart; answers beyond are not judged. */
const keysMax = 16;
const lengthsMax = 16;

/** Which vector length an arm answers with, by what the request asked for. */
export type DimensionMemory = {
  /** Whether the next answer is to be looked at: counting costs more than all other looking. */
  readonly wantsLook: () => boolean;
  /** Counts an answer's vector length; false when this arm's answers to such requests have another one. */
  readonly isUsual: (key: string, dimension: number) => boolean;
};

export function createDimensionMemory(): DimensionMemory {
  const byKey = new Map<string, Map<number, number>>();
  let lookAll = allOf;
  let turn = 0;
  return {
    wantsLook() {
      if (lookAll > 0) {
        lookAll -= 1;
        return true;
      }
      turn = (turn + 1) % sampleEvery;
      return turn === 0;
    },
    isUsual(key, dimension) {
      let counts = byKey.get(key);
      if (counts === undefined) {
        if (byKey.size >= keysMax) return true;
        counts = new Map();
        byKey.set(key, counts);
      }
      let usual = dimension;
      let most = 0;
      for (const [length, count] of counts) {
        if (count <= most) continue;
        usual = length;
        most = count;
      }
      const known = counts.get(dimension);
      if (known !== undefined || counts.size < lengthsMax) {
        counts.set(dimension, Math.min(countMax, (known ?? 0) + 1));
      }
      // The usual length gives way to another one that comes instead of it.
      if (dimension !== usual && most === countMax) counts.set(usual, most - 1);
      const isWrong = dimension !== usual && most >= learnedAfter;
      if (isWrong) lookAll = allOf;
      return !isWrong;
    },
  };
}

const askedFor = /"(?:model|dimensions|output_dimension)"\s*:\s*(?:"[^"]{0,200}"|\d{1,9})/g;

/** What of an embedding request's body decides about the vectors' length: the model and the dimensions asked for. */
export function dimensionKey(body: string): string {
  return (body.match(askedFor) ?? []).join();
}
