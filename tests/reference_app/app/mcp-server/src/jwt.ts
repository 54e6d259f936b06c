import { createHmac, timingSafeEqual } from 'node:crypto';

/** A reason to refuse a token; safe to tell. */
export class TokenError extends Error {}

function decode(part: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new TokenError('not a JSON web token');
}

/**
 * Checks an HS256 token and says whose it is. No other algorithm is known, so
 * none can be talked into.
 */
export function verifyToken(token: string, secret: string, now: number = Date.now() / 1000): string {
  const [head, body, signature, ...rest] = token.split('.');
  if (head === undefined || body === undefined || signature === undefined || rest.length > 0) throw new TokenError('not a JSON web token');
  if (decode(head)['alg'] !== 'HS256') throw new TokenError('not signed with HS256');
  const expected = createHmac('sha256', secret).update(`${head}.${body}`).digest();
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new TokenError('wrong signature');
  const { sub, exp, nbf } = decode(body);
  if (exp !== undefined && !(typeof exp === 'number' && now < exp)) throw new TokenError('expired');
  if (nbf !== undefined && !(typeof nbf === 'number' && now >= nbf)) throw new TokenError('not valid yet');
  if (typeof sub !== 'string' || sub === '' || sub.length > 200) throw new TokenError('names no subject');
  return sub;
}
