export interface CodeAnalysis {
  readonly linesTotal: number;
  readonly linesCode: number;
  readonly linesComment: number;
  /** Places where the flow can take another way, counted by keyword and operator. */
  readonly decisionPoints: number;
  /** Of brackets. */
  readonly deepestNesting: number;
}

/** Counts that need no parser and so work, roughly, for any language with C's or the shell's comments. */
export function analyseCode(source: string): CodeAnalysis {
  const lines = source.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  let linesCode = 0;
  let linesComment = 0;
  let decisionPoints = 0;
  let nesting = 0;
  let deepestNesting = 0;
  let inBlock = false;
  for (const line of lines) {
    const text = line.trim();
    if (text === '') continue;
    const opens = text.startsWith('/*');
    if (inBlock || opens || /^(\/\/|#|--)/.test(text)) {
      linesComment += 1;
      if (inBlock || opens) inBlock = !text.includes('*/');
      continue;
    }
    linesCode += 1;
    const plain = text.replace(/"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/g, '""');
    decisionPoints += plain.match(/\b(if|elif|for|while|case|when|catch|except)\b|&&|\|\||\?\?/g)?.length ?? 0;
    for (const char of plain) {
      if ('([{'.includes(char)) deepestNesting = Math.max(deepestNesting, (nesting += 1));
      else if (')]}'.includes(char)) nesting = Math.max(0, nesting - 1);
    }
  }
  return { linesTotal: lines.length, linesCode, linesComment, decisionPoints, deepestNesting };
}
