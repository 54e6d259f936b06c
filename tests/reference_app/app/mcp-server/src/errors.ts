export type ToolErrorCode = 'not_found' | 'conflict' | 'limit' | 'forbidden' | 'invalid' | 'unavailable' | 'internal';

/** A failure to be told to the caller. */
export class ToolError extends Error {
  constructor(
    readonly code: ToolErrorCode,
    message: string,
  ) {
    super(message);
  }
}
