/**
 * Parses a file of environment variables.
 *
 * The grammar is that of systemd's EnvironmentFile=, so that one file means the
 * same to the service manager and to this program, with the addition of a
 * leading `export`:
 *   - lines that start with # or ; are comments, a line without = is ignored;
 *   - 'single quotes' keep everything; "double quotes" know \" \\ \$ \`;
 *   - outside quotes a backslash takes the next character as it is, quotes in
 *     the middle of a word are ordinary, white space at the end is dropped;
 *   - quoted values may span lines.
 */
export function parseEnvFile(text: string): Map<string, string> {
  const values = new Map<string, string>();
  let state: 'preKey' | 'comment' | 'key' | 'preValue' | 'value' | 'single' | 'double' = 'preKey';
  let key = '';
  let value = '';
  // Length of `value` up to its last character that must not be trimmed.
  let keep = 0;

  const push = (): void => {
    const name = key.trim().replace(/^export\s+/, '');
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) values.set(name, value.slice(0, keep));
    key = '';
    value = '';
    keep = 0;
    state = 'preKey';
  };
  const add = (char: string, isSpace = false): void => {
    value += char;
    if (!isSpace) keep = value.length;
  };

  const chars = Array.from(text.replace(/\r\n/g, '\n').replace(/^\uFEFF/, ''));
  for (let i = 0; i < chars.length; i += 1) {
    const char = chars[i] ?? '';
    const newline = char === '\n';
    const space = char === ' ' || char === '\t';
    switch (state) {
      case 'preKey':
        if (char === '#' || char === ';') state = 'comment';
        else if (!newline && !space) {
          state = 'key';
          key = char;
        }
        break;
      case 'comment':
        if (newline) state = 'preKey';
        break;
      case 'key':
        if (newline) {
          key = '';
          state = 'preKey';
        } else if (char === '=') state = 'preValue';
        else key += char;
        break;
      case 'preValue':
      case 'value':
        if (newline) push();
        else if (char === '\\') {
          i += 1;
          const next = chars[i];
          if (next !== undefined && next !== '\n') add(next);
          state = 'value';
        } else if (state === 'preValue' && char === "'") state = 'single';
        else if (state === 'preValue' && char === '"') state = 'double';
        else if (state === 'value') add(char, space);
        else if (!space) {
          add(char);
          state = 'value';
        }
        break;
      case 'single':
        if (char === "'") state = 'preValue';
        else add(char);
        break;
      case 'double':
        if (char === '"') state = 'preValue';
        else if (char === '\\') {
          i += 1;
          const next = chars[i];
          if (next === undefined) add('\\');
          else if (next !== '\n') add('"\\$`'.includes(next) ? next : `\\${next}`);
        } else add(char);
        break;
    }
  }
  if (state !== 'preKey' && state !== 'comment' && state !== 'key') push();
  return values;
}
