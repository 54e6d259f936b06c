import { createHash } from 'node:crypto';

/** Of the column contexts.embedding. */
export const EMBEDDING_DIMENSIONS = 384;

/**
 * A deterministic embedding by feature hashing: words and the letter triples of
 * each word (which bring inflections together) are hashed to signed positions,
 * counts are damped, the vector is scaled to length 1. No model, no download,
 * the same everywhere; it knows likeness of wording, not of meaning.
 */
export function embed(text: string): number[] {
  const counts = new Map<string, number>();
  const add = (feature: string, weight: number): void => {
    counts.set(feature, (counts.get(feature) ?? 0) + weight);
  };
  for (const word of text.normalize('NFKC').toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    add(`w:${word}`, 1);
    const letters = Array.from(`^${word}$`);
    for (let i = 0; i + 3 <= letters.length; i += 1) add(`t:${letters.slice(i, i + 3).join('')}`, 0.5);
  }
  // Text of signs only still gets a vector: cosine distance needs a length.
  if (counts.size === 0) add(`s:${text}`, 1);

  const vector = new Array<number>(EMBEDDING_DIMENSIONS).fill(0);
  for (const [feature, count] of counts) {
    const digest = createHash('sha1').update(feature).digest();
    const position = digest.readUInt32BE(0) % EMBEDDING_DIMENSIONS;
    const sign = ((digest[4] ?? 0) & 1) === 0 ? 1 : -1;
    vector[position] = (vector[position] ?? 0) + sign * Math.log1p(count);
  }
  const length = Math.hypot(...vector);
  // Signs can cancel each other out completely; a fixed unit vector then stands in.
  if (length === 0) return vector.map((_value, i) => (i === 0 ? 1 : 0));
  return vector.map((value) => value / length);
}

/** As pgvector reads it. */
export function toVectorLiteral(vector: readonly number[]): string {
  return `[${vector.map((value) => value.toFixed(6)).join(',')}]`;
}
