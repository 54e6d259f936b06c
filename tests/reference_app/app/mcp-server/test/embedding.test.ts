import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyseCode } from '../src/code-analysis.js';
import { embed, EMBEDDING_DIMENSIONS, toVectorLiteral } from '../src/embedding.js';

function cosine(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

test('an embedding is deterministic, of unit length, of the dimension of the column', () => {
  for (const text of ['The heron waits.', '!?', 'Ж', 'x'.repeat(10_000)]) {
    const vector = embed(text);
    assert.equal(vector.length, EMBEDDING_DIMENSIONS);
    assert.deepEqual(vector, embed(text));
    assert.ok(Math.abs(cosine(vector, vector) - 1) < 1e-9, text);
  }
  assert.match(toVectorLiteral(embed('x')), /^\[-?\d\.\d{6}(,-?\d\.\d{6})*\]$/);
});

test('like wording is nearer than unlike wording, inflected or in other case', () => {
  const text = embed('The heron waits at the weir');
  const near = cosine(text, embed('HERONS waiting at weirs'));
  const far = cosine(text, embed('Quarterly invoices are archived'));
  assert.ok(near > 0.3 && near > far + 0.2, `near ${near}, far ${far}`);
});

test('code is counted', () => {
  const source = '// says\n/* more\n   of it */\nif (a && b) {\n  call("if (not) counted");\n}\n\n# last\n';
  assert.deepEqual(analyseCode(source), { linesTotal: 8, linesCode: 3, linesComment: 4, decisionPoints: 2, deepestNesting: 2 });
});
