import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEnvFile } from '../src/envfile.js';

function parse(text: string): Record<string, string> {
  return Object.fromEntries(parseEnvFile(text));
}

test('comments, blank lines, lines without = and bad names are left out', () => {
  assert.deepEqual(parse('# a\n; b\n\n  \nnothing\nA=1\n  # c\n9X=2\n=3\nB=2'), { A: '1', B: '2' });
});

test('white space around a value is dropped, inside and in quotes it stays', () => {
  assert.deepEqual(parse('A=  x y  \nB="  x "\nC=\' y \'\n  D=z\nE=\n'), { A: 'x y', B: '  x ', C: ' y ', D: 'z', E: '' });
});

test('single quotes keep everything', () => {
  assert.deepEqual(parse(String.raw`A='a"b\c$d%e@f/g #h'`), { A: String.raw`a"b\c$d%e@f/g #h` });
});

test('double quotes know four escapes and keep other backslashes', () => {
  assert.deepEqual(parse('A="a\\"b\\\\c\\$d\\`e\\n"'), { A: 'a"b\\c$d`e\\n' });
});

test('quoted pieces are joined', () => {
  assert.deepEqual(parse(`A='it'"'"'s'\nB="x"'y'z`), { A: "it's", B: 'xyz' });
});

test('quotes and hashes in the middle of a word are ordinary', () => {
  assert.deepEqual(parse(`A=it's#1\nB=a"b"`), { A: "it's#1", B: 'a"b"' });
});

test('quoted values span lines; an escaped line end is a continuation', () => {
  assert.deepEqual(parse('A="x\ny"\nB=p\\\nq\nC=2'), { A: 'x\ny', B: 'pq', C: '2' });
});

test('export, CRLF, a byte order mark, and the last of two', () => {
  assert.deepEqual(parse('\uFEFFexport A=1\r\nB=2\r\nA=3'), { A: '3', B: '2' });
});

test('= in a value', () => {
  assert.deepEqual(parse('URL=postgresql://u:p@h/d?sslmode=require'), { URL: 'postgresql://u:p@h/d?sslmode=require' });
});
